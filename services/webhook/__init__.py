"""Webhooks: `dramatiq services.webhook` consumes webhook.critical, webhook.normal and webhook.bulk."""

from services.webhook.actors import declare
from shared.runtime import host

broker = host(declare)
