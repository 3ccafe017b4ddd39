"""The SMS providers there are."""

from services.sms.providers.http_gateway import HttpGateway
from services.sms.providers.http_settings import HttpGatewaySettings
from services.sms.providers.twilio import Twilio, TwilioSettings
from shared.messages.sms import SmsMessage
from shared.providers.route import Vendor

# Any of an account's three: one without the others is an error, not a silent outbox.
_TWILIO = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY_SID")

VENDORS: dict[str, Vendor[SmsMessage]] = {
    Twilio.name: Vendor(TwilioSettings, Twilio, _TWILIO),
    HttpGateway.name: Vendor(HttpGatewaySettings, HttpGateway),
}
