"""Chat: `dramatiq services.chat` consumes chat.critical, chat.normal and chat.bulk."""

from services.chat.actors import declare
from shared.runtime import host

broker = host(declare)
