"""Settings of the WhatsApp service and of Twilio's WhatsApp."""

import pytest

from services.whatsapp.providers import VENDORS
from services.whatsapp.providers.twilio import TwilioSettings
from services.whatsapp.settings import WhatsAppSettings
from shared.errors import SettingsError
from shared.settings import load_one

ACCOUNT = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "canary-7d1f"}
SENDER = {"TWILIO_WHATSAPP_FROM": "+14155238886"}
SID = "HX" + "a1" * 16


def test_without_a_route_whatever_is_configured_sends() -> None:
    assert load_one(WhatsAppSettings, {}).route == ()


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        (ACCOUNT, "TWILIO_WHATSAPP_FROM or TWILIO_WHATSAPP_MESSAGING_SERVICE_SID must be set"),
        (SENDER | {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32}, "TWILIO_AUTH_TOKEN is not set"),
        (ACCOUNT | {"TWILIO_WHATSAPP_FROM": "whatsapp:+14155238886"}, r"must be the sender's number .* \+14155238886"),
        (ACCOUNT | {"TWILIO_WHATSAPP_FROM": "Crier"}, "TWILIO_WHATSAPP_FROM must be the sender's number"),
        (ACCOUNT | {"TWILIO_WHATSAPP_MESSAGING_SERVICE_SID": "MGx"}, "must be MG and 32"),
        (ACCOUNT | SENDER | {"TWILIO_WHATSAPP_CONTENT": "booking_confirmation"}, "a list of name=HX…"),
        (ACCOUNT | SENDER | {"TWILIO_WHATSAPP_CONTENT": f"a={SID},b=HX12"}, "not 'b=HX12'"),
        (ACCOUNT | SENDER | {"TWILIO_WHATSAPP_CONTENT": f"a={SID},a={SID}"}, "names a twice"),
    ],
)
def test_what_twilio_cannot_start_with(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem) as caught:
        load_one(TwilioSettings, environ)
    assert "canary-7d1f" not in str(caught.value)


@pytest.mark.parametrize("sender", [SENDER, {"TWILIO_WHATSAPP_MESSAGING_SERVICE_SID": "MG" + "a" * 32}])
def test_a_number_or_a_service_is_enough(sender: dict[str, str]) -> None:
    assert load_one(TwilioSettings, ACCOUNT | sender | {"TWILIO_WHATSAPP_CONTENT": f"a={SID}, b={SID}"})


def test_an_account_that_sends_sms_only_configures_no_whatsapp() -> None:
    assert not VENDORS["twilio"].configured(ACCOUNT | {"TWILIO_FROM": "+447700900999"})


@pytest.mark.parametrize("sign", [SENDER, {"TWILIO_WHATSAPP_CONTENT": f"a={SID}"}])
def test_anything_of_whatsapp_configures_it(sign: dict[str, str]) -> None:
    assert VENDORS["twilio"].configured(sign)
