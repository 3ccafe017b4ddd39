"""`crier demo`: everything on one machine, and an account of every call."""
