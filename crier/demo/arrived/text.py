"""SMS and WhatsApp messages as the stand-ins received them."""

from urllib.parse import parse_qsl

import orjson

from crier.demo.arrived.arrival import Arrived
from crier.sandbox import Entry
from crier.sandbox.twilio.content import text
from crier.sandbox.twilio.message import WHATSAPP
from shared.messages.sms import SmsContent
from shared.messages.whatsapp import WhatsAppContent


def of_http(entry: Entry) -> Arrived:
    """An SMS in the words that the `http` provider uses when nothing else is configured."""
    asked = orjson.loads(entry.received["body"])
    return Arrived(asked["to"], SmsContent(asked["text"]))


def of_twilio(entry: Entry) -> Arrived:
    """A message in Twilio's form. An approved template is read as the text it comes to."""
    form = dict(parse_qsl(entry.received["body"], keep_blank_values=True))
    if not form["To"].startswith(WHATSAPP):
        return Arrived(form["To"], SmsContent(form["Body"]))
    variables = orjson.loads(form.get("ContentVariables", "{}"))
    content = WhatsAppContent(body=text(form), variables=variables, media_url=form.get("MediaUrl"))
    return Arrived(form["To"], content)
