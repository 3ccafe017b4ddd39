"""`python -m crier.sandbox`."""

from crier.sandbox.command import sandbox

sandbox(prog_name="python -m crier.sandbox")
