"""SMS: `dramatiq services.sms` consumes sms.critical, sms.normal and sms.bulk."""

from services.sms.actors import declare
from shared.runtime import host

broker = host(declare)
