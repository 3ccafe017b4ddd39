"""Email: `dramatiq services.email` consumes email.critical, email.normal and email.bulk."""

from services.email.actors import declare
from shared.runtime import host

broker = host(declare)
