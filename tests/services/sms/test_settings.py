"""Settings of the SMS service and of Twilio."""

from decimal import Decimal

import pytest

from services.sms.limit_settings import SmsLimitSettings
from services.sms.providers import VENDORS
from services.sms.providers.twilio import TwilioSettings
from services.sms.settings import SmsSettings
from shared.errors import SettingsError
from shared.ledger.sms_limits import Limits, Rate
from shared.settings import load, load_one

ACCOUNT = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "canary-7d1f"}


def test_defaults() -> None:
    assert load_one(SmsSettings, {}) == SmsSettings(route=(), length="reject", max_segments=3)
    limits = load_one(SmsLimitSettings, {}).limits
    assert limits == Limits(number=Rate(3, 600), block=Rate(100, 600), spend=None)


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"CRIER_SMS_LENGTH": "truncated"}, "CRIER_SMS_LENGTH must be one of .* Did you mean 'truncate'?"),
        ({"CRIER_SMS_MAX_SEGMENTS": "0"}, "CRIER_SMS_MAX_SEGMENTS must be above 0"),
        ({"CRIER_SMS_TRANSLITERATE": "all"}, "CRIER_SMS_TRANSLITERATE must be one of punctuation, none"),
        ({"CRIER_SMS_COUNTRIES": "GB,UK"}, "CRIER_SMS_COUNTRIES is wrong: 'UK' is not .* Did you mean GB?"),
        (
            {"CRIER_SMS_SENDERS": "Crier"},
            "CRIER_SMS_SENDERS is wrong: 'Crier' is not a country with its value: write GB=",
        ),
        ({"CRIER_SMS_SENDERS": "GB=A1,GB=B2"}, "GB is there 2 times; keep one"),
        ({"CRIER_SMS_SENDERS": "UK=Crier"}, "Did you mean GB?"),
        ({"CRIER_SMS_SENDERS": "GB=Crier,US=Crier"}, "networks of US carry no names: give it a number or a short code"),
        ({"CRIER_SMS_SENDERS": "GB=TwelveLetter"}, "'TwelveLetter' is no sender: write a number such as"),
        ({"CRIER_SMS_NUMBER_LIMIT": "3"}, "CRIER_SMS_NUMBER_LIMIT must be a number in a time, such as 3/10m"),
        ({"CRIER_SMS_BLOCK_LIMIT": "100/25h"}, "CRIER_SMS_BLOCK_LIMIT must be 1 to 10000 in at most 24h"),
        ({"CRIER_SMS_BLOCK_LIMIT": "0/1h"}, "CRIER_SMS_BLOCK_LIMIT must be 1 to 10000"),
        ({"CRIER_SMS_DAILY_SPEND": "£50"}, "CRIER_SMS_DAILY_SPEND must be an amount such as 50"),
        ({"CRIER_SMS_DAILY_SPEND": "-1"}, "CRIER_SMS_DAILY_SPEND must be an amount such as 50"),
        ({"CRIER_SMS_DAILY_SPEND": "50"}, "CRIER_SMS_PRICES must have a price for every country .* add \\*="),
        ({"CRIER_SMS_DAILY_SPEND": "50", "CRIER_SMS_PRICES": "GB=0.04"}, "add \\*="),
        (
            {"CRIER_SMS_PRICES": "GB=cheap"},
            "CRIER_SMS_PRICES is wrong: the price of GB must be an amount such as 0.04, not 'cheap'",
        ),
    ],
)
def test_what_the_service_cannot_start_with(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        load(SmsSettings, SmsLimitSettings, environ=environ)


def test_every_problem_of_a_list_is_told() -> None:
    with pytest.raises(SettingsError) as caught:
        load_one(SmsSettings, {"CRIER_SMS_SENDERS": "UK=Crier,US=Crier,Crier"})
    for told in ("Did you mean GB?", "networks of US", "'Crier' is not a country with its value"):
        assert told in str(caught.value)


def test_values_by_country_are_read() -> None:
    senders = load_one(SmsSettings, {"CRIER_SMS_SENDERS": "GB=Crier, US=+15005550006 ,*=A & B-C"}).senders
    assert senders == {"GB": "Crier", "US": "+15005550006", "*": "A & B-C"}
    limits = load_one(SmsLimitSettings, {"CRIER_SMS_DAILY_SPEND": "50", "CRIER_SMS_PRICES": "GB=0.04,*=0.1"})
    assert limits.prices == {"GB": Decimal("0.04"), "*": Decimal("0.1")}
    assert limits.limits.spend == Decimal(50)


@pytest.mark.parametrize("off", ["0", "none", "None"])
def test_a_limit_is_turned_off(off: str) -> None:
    variables = ("CRIER_SMS_NUMBER_LIMIT", "CRIER_SMS_BLOCK_LIMIT", "CRIER_SMS_DAILY_SPEND")
    assert load_one(SmsLimitSettings, dict.fromkeys(variables, off)).limits == Limits()


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
    assert VENDORS["twilio"].configured({"TWILIO_AUTH_TOKEN": "without an account"})
    assert not VENDORS["twilio"].configured({"TWILIO_FROM": "+1"})
