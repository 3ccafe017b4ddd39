"""What an SMS goes through: destinations, senders, the length policy."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from services.sms.compose import compose
from services.sms.settings import SmsSettings
from shared.errors import Rejected
from shared.messages.segments import measure
from shared.messages.sms import SmsContent, SmsMessage

ID = uuid4()
MOBILE = "+447400123456"


def composed(body: str, *, to: str = MOBILE, senders: Mapping[str, str] | None = None, **settings: Any) -> SmsMessage:
    return compose(
        SmsContent(body), SmsSettings(**settings), delivery_id=ID, target=to, expires_in=90.5, senders=senders or {}
    )


def code_of(body: str = "Hello", **given: Any) -> str | None:
    with pytest.raises(Rejected) as caught:
        composed(body, **given)
    return caught.value.code


def test_a_text_that_fits_is_sent_as_it_is() -> None:
    body = "a" * 459
    assert composed(body) == SmsMessage(ID, MOBILE, SmsContent(body), validity=90.5)


def test_a_longer_text_is_refused_and_told_why() -> None:
    with pytest.raises(Rejected, match=r"4 SMS \(460 units of GSM-7\); CRIER_SMS_MAX_SEGMENTS allows 3"):
        composed("a" * 460)


def test_one_character_outside_gsm_7_counts_for_all_of_it_and_is_named() -> None:
    with pytest.raises(Rejected, match=r"units of UCS-2, which it is because of 🎉 and ç\); CRIER_SMS_MAX"):
        composed("🎉 ça " + "a" * 200)


def test_truncate_cuts_to_what_is_allowed() -> None:
    cut = composed("a" * 500, length="truncate", max_segments=2).content.body
    assert cut == "a" * 303 + "..."
    assert measure(cut).segments == 2


def test_truncate_leaves_a_text_that_fits_alone() -> None:
    assert composed("short", length="truncate").content.body == "short"


def test_allow_sends_any_length() -> None:
    assert composed("a" * 1600, length="allow").content.body == "a" * 1600


@pytest.mark.parametrize("body", ["", " \n "])
def test_an_empty_text_is_refused(body: str) -> None:
    with pytest.raises(Rejected, match="empty"):
        composed(body, length="allow")


def test_a_text_of_nothing_but_invisible_characters_is_empty() -> None:
    assert code_of("\u200b\ufeff") == "empty"


def test_typography_is_made_plain_where_that_makes_the_text_gsm_7() -> None:
    long = "“It’s ready” – come… " * 10
    assert composed(long, max_segments=2).content.body == '"It\'s ready" - come... ' * 10
    assert composed("“Ça va”, dit-elle 🎉").content.body == "“Ça va”, dit-elle 🎉"
    assert composed("“It’s ready”", transliterate="none").content.body == "“It’s ready”"


@pytest.mark.parametrize(
    ("to", "sender"),
    [
        (MOBILE, "Crier"),
        ("+12025550123", "+15005550006"),  # US
        ("+14165550123", "72345"),  # CA, of the same calling code
        ("+447624123456", "Everywhere"),  # Isle of Man: a country of its own
        ("+88216000000", "Everywhere"),  # Thuraya's satellites: no country's
        ("+17875550123", None),  # Puerto Rico carries no names
    ],
)
def test_the_sender_is_that_of_the_country(to: str, sender: str | None) -> None:
    senders = {"GB": "Crier", "US": "+15005550006", "CA": "72345", "*": "Everywhere"}
    assert composed("Hello", to=to, senders=senders).sender == sender


def test_without_senders_it_is_the_providers_own() -> None:
    assert composed("Hello").sender is None
    assert composed("Hello", senders={"US": "+15005550006"}).sender is None


def test_a_number_for_every_country_is_for_those_too_that_carry_no_names() -> None:
    assert composed("Hello", to="+12025550123", senders={"*": "+447700900000"}).sender == "+447700900000"


def test_only_countries_that_are_listed_are_written_to() -> None:
    allowed = ("GB", "IE")
    assert composed("Hello", countries=allowed).to == MOBILE
    with pytest.raises(Rejected, match="The number is of US, and CRIER_SMS_COUNTRIES lists GB, IE") as caught:
        composed("Hello", to="+12025550123", countries=allowed)
    assert caught.value.code == "country"
    assert code_of(to="+88216000000", countries=allowed) == "country"
    assert composed("Hello", to="+88216000000", countries=("GB", "*"))


@pytest.mark.parametrize("to", ["+449011234567", "+19005550123", "+33899000000"])
def test_premium_rate_numbers_are_refused_unless_allowed(to: str) -> None:
    assert code_of(to=to) == "premium"
    assert composed("Hello", to=to, premium=True).to == to


def test_a_number_that_no_plan_has_given_out_is_left_to_the_vendor() -> None:
    assert composed("Hello", to="+447700900123", countries=("GB",)).to == "+447700900123"
