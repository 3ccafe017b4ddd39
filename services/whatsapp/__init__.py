"""WhatsApp: `dramatiq services.whatsapp` consumes whatsapp.critical, whatsapp.normal and whatsapp.bulk."""

from services.whatsapp.actors import declare
from shared.runtime import host

broker = host(declare)
