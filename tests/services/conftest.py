"""Importing a service builds its process from the environment; nothing connects, and no test uses what is built."""

import pytest

from shared.crypto import new_key
from shared.runtime import process_runtime

with pytest.MonkeyPatch.context() as environment:
    environment.setenv("CRIER_DATABASE_URL", "postgresql://unused/unused")
    environment.setenv("CRIER_BROKER_URL", "redis://unused/0")
    environment.setenv("CRIER_SECRET_KEY", new_key())
    process_runtime()
