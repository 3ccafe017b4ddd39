"""The WhatsApp providers there are."""

from services.whatsapp.providers.twilio import Twilio, TwilioSettings
from shared.messages.whatsapp import WhatsAppMessage
from shared.providers.route import Vendor

# An account alone says nothing: most Twilio accounts send SMS only.
_SIGNS = ("TWILIO_WHATSAPP_FROM", "TWILIO_WHATSAPP_MESSAGING_SERVICE_SID", "TWILIO_WHATSAPP_CONTENT")

VENDORS: dict[str, Vendor[WhatsAppMessage]] = {
    Twilio.name: Vendor(TwilioSettings, Twilio, _SIGNS),
}
