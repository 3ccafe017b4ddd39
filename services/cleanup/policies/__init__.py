"""What cleanup does, a policy a module. Each returns what its tick records, and may be stopped and begun again."""
