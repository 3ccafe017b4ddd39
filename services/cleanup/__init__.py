"""Cleanup: `dramatiq services.cleanup` removes what has grown old, and makes room for what comes."""

from services.cleanup.actors import declare
from shared.runtime import host

broker = host(declare)
