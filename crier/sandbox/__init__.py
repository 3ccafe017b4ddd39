"""Stand-ins for SMTP and the vendors, for tests, the demo and development: they speak the documented wire
formats, refuse what the vendor refuses, and keep a journal of every call."""

from crier.sandbox.behaviour import Behaviour, Fault
from crier.sandbox.journal import Entry, read
from crier.sandbox.server import Ports, Sandbox

__all__ = ["Behaviour", "Entry", "Fault", "Ports", "Sandbox", "read"]
