"""Push: `dramatiq services.push` consumes push.critical, push.normal and push.bulk."""

from services.push.actors import declare
from shared.runtime import host

broker = host(declare)
