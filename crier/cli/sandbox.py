"""`crier sandbox`."""

from crier.sandbox.command import sandbox

__all__ = ["sandbox"]
