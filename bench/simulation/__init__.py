"""What `python -m bench.simulate` is made of: costs, a clock with what is shared, Crier's path, and sizes."""
