"""SMS and WhatsApp messages as the stand-ins received them."""

from urllib.parse import parse_qs

from crier.demo.arrived.arrival import Arrived
from crier.sandbox import Entry
from shared.messages.sms import SmsContent


def of_twilio(entry: Entry) -> Arrived:
    """A message in Twilio's form."""
    form = parse_qs(entry.received["body"], keep_blank_values=True)
    return Arrived(form["To"][0], SmsContent(form["Body"][0]))
