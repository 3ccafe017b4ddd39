"""The WhatsApp providers there are."""

from services.whatsapp.providers.twilio import Twilio, TwilioSettings
from shared.messages.whatsapp import WhatsAppMessage
from shared.providers.route import Vendor

# An account alone says nothing: most Twilio accounts send SMS only.
VENDORS: dict[str, Vendor[WhatsAppMessage]] = {
    Twilio.name: Vendor(
        TwilioSettings, Twilio, signs=("TWILIO_WHATSAPP_FROM", "TWILIO_WHATSAPP_MESSAGING_SERVICE_SID")
    ),
}
