"""Settings of the SMS service and of Twilio."""

import pytest

from services.sms.providers import VENDORS
from services.sms.providers.twilio import TwilioSettings
from services.sms.settings import SmsSettings
from shared.errors import SettingsError
from shared.settings import load_one

ACCOUNT = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "canary-7d1f"}


def test_defaults() -> None:
    assert load_one(SmsSettings, {}) == SmsSettings(route=(), length="reject", max_segments=3)


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"CRIER_SMS_LENGTH": "truncated"}, "CRIER_SMS_LENGTH must be one of .* Did you mean 'truncate'?"),
        ({"CRIER_SMS_MAX_SEGMENTS": "0"}, "CRIER_SMS_MAX_SEGMENTS must be above 0"),
    ],
)
def test_what_the_service_cannot_start_with(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        load_one(SmsSettings, environ)


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        (ACCOUNT, "TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID must be set"),
        (ACCOUNT | {"TWILIO_FROM": "+1", "TWILIO_ACCOUNT_SID": "canary"}, "TWILIO_ACCOUNT_SID must be AC and 32"),
        (ACCOUNT | {"TWILIO_MESSAGING_SERVICE_SID": "AC" + "0" * 32}, "TWILIO_MESSAGING_SERVICE_SID must be MG"),
        (ACCOUNT | {"TWILIO_FROM": "+1", "TWILIO_BASE_URL": "api.twilio.com"}, "TWILIO_BASE_URL must begin with"),
        ({"TWILIO_FROM": "+1", "TWILIO_ACCOUNT_SID": "AC" + "0" * 32}, "TWILIO_AUTH_TOKEN is not set"),
        (ACCOUNT | {"TWILIO_FROM": "+1", "TWILIO_API_KEY_SID": "SK" + "0" * 32}, "TWILIO_API_KEY_SECRET belong"),
        (ACCOUNT | {"TWILIO_FROM": "+1", "TWILIO_STATUS_CALLBACK_URL": "http://a.example/"}, "must begin with https"),
        (ACCOUNT | {"TWILIO_FROM": "+1", "TWILIO_STATUS_CALLBACK_URL": "https://a.example/{id}"}, "no other braces"),
    ],
)
def test_what_twilio_cannot_start_with(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem) as caught:
        load_one(TwilioSettings, environ)
    assert "canary-7d1f" not in str(caught.value)


@pytest.mark.parametrize("sender", [{"TWILIO_FROM": "Crier"}, {"TWILIO_MESSAGING_SERVICE_SID": "MG" + "a" * 32}])
def test_a_number_or_a_service_is_enough(sender: dict[str, str]) -> None:
    settings = load_one(TwilioSettings, ACCOUNT | sender)
    assert settings.base_url == "https://api.twilio.com"


def test_an_api_key_signs_in_instead_of_the_auth_token() -> None:
    key = {"TWILIO_API_KEY_SID": "SK" + "1" * 32, "TWILIO_API_KEY_SECRET": "s", "TWILIO_FROM": "Crier"}
    assert load_one(TwilioSettings, {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32} | key).login == ("SK" + "1" * 32, "s")
    assert load_one(TwilioSettings, ACCOUNT | {"TWILIO_FROM": "Crier"}).login == ("AC" + "0" * 32, "canary-7d1f")


def test_twilio_counts_as_configured_by_its_credentials() -> None:
    assert VENDORS["twilio"].configured(ACCOUNT)
    assert not VENDORS["twilio"].configured({"TWILIO_FROM": "+1"})
