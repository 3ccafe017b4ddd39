"""The SMS providers there are."""

from services.sms.providers.http_gateway import HttpGateway
from services.sms.providers.http_settings import HttpGatewaySettings
from services.sms.providers.twilio import Twilio, TwilioSettings
from shared.messages.sms import SmsMessage
from shared.providers.route import Vendor

VENDORS: dict[str, Vendor[SmsMessage]] = {
    Twilio.name: Vendor(TwilioSettings, Twilio),
    HttpGateway.name: Vendor(HttpGatewaySettings, HttpGateway),
}
