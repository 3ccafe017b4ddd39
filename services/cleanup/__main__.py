"""`python -m services.cleanup`."""

from services.cleanup.command import cleanup

cleanup(prog_name="python -m services.cleanup")
