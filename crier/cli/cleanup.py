"""`crier cleanup`."""

import os
import subprocess
import sys

import click


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="""\b
Examples:
  crier cleanup check
  crier cleanup run --dry-run
  crier cleanup run trip-locations
  crier cleanup report --out reports
  crier cleanup restore --help
""",
)
@click.argument("verb", type=click.Choice(("check", "run", "report", "restore")))
@click.argument("arguments", metavar="[ARGUMENT]...", nargs=-1, type=click.UNPROCESSED)
def cleanup(verb: str, arguments: tuple[str, ...]) -> None:
    """Check, try, run and undo cleanup policies of your own: those of the file CRIER_CLEANUP_POLICIES names.

    It is `python -m services.cleanup`, with the ledger of `crier up` unless the environment names another. --help
    after a verb says more.
    """
    # A folder `services` where this is typed must not be taken for ours.
    command = [sys.executable, "-P", "-m", "services.cleanup", verb, *arguments]
    sys.exit(subprocess.run(command, env={**_of_cluster(), **os.environ}, check=False).returncode)


def _of_cluster() -> dict[str, str]:
    from crier.local.home import Home
    from crier.local.running import Running

    running = Running.read(Home.find())
    return running.environment if running and running.is_alive() else {}
