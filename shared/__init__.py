"""The contract and the engine every Crier process shares. Imports no service and nothing of `crier`."""
