"""The country of a number, and who an SMS to it comes from."""

import pytest

from shared.messages.countries import country_of, country_problem, is_premium_rate
from shared.messages.sms_senders import sender_problem


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+442079460018", "GB"),
        ("+447700900123", "GB"),  # Ofcom's for fiction: given out to nobody
        ("+447911123456", "GG"),
        ("+12025550123", "US"),
        ("+15005550006", "US"),
        ("+14165550123", "CA"),
        ("+18095550123", "DO"),
        ("+77011234567", "KZ"),
        ("+79161234567", "RU"),
        ("+88216000000", None),
        ("+883510000000", None),
        ("+80012345678", None),
        ("no number", None),
    ],
)
def test_countries_that_share_a_calling_code_are_told_apart(number: str, country: str | None) -> None:
    assert country_of(number) == country


@pytest.mark.parametrize(("number", "premium"), [("+449011234567", True), ("+447400123456", False), ("x", False)])
def test_premium_rate_numbers(number: str, premium: bool) -> None:
    assert is_premium_rate(number) is premium


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("GB", None),
        ("*", None),
        ("UK", "'UK' is not an ISO 3166 country code such as GB, nor *. Did you mean GB?"),
        ("gb", "'gb' is not an ISO 3166 country code such as GB, nor *. Did you mean GB?"),
        ("ZZ", "'ZZ' is not an ISO 3166 country code such as GB, nor *."),
        ("", "'' is not an ISO 3166 country code such as GB, nor *."),
        ("001", "'001' is not an ISO 3166 country code such as GB, nor *."),
    ],
)
def test_what_is_no_country_is_said_with_what_may_be_meant(code: str, problem: str | None) -> None:
    assert country_problem(code) == problem


@pytest.mark.parametrize(
    ("country", "sender"),
    [("GB", "Crier"), ("*", "Crier 24"), ("US", "+15005550006"), ("US", "72345"), ("DE", "A & B-C_d+e")],
)
def test_senders_that_are_fine(country: str, sender: str) -> None:
    assert sender_problem(country, sender) is None


@pytest.mark.parametrize(
    ("country", "sender", "problem"),
    [
        ("US", "Crier", "networks of US carry no names"),
        ("CA", "Crier", "networks of CA carry no names"),
        ("GB", "TwelveLetter", "is no sender"),
        ("GB", "12", "is no sender"),
        ("GB", "123456789", "is no sender"),
        ("GB", "Crıer", "is no sender"),
        ("GB", "+0123456", "is no sender"),
        ("GB", "", "is no sender"),
        ("UK", "Crier", "Did you mean GB"),
    ],
)
def test_senders_that_are_not(country: str, sender: str, problem: str) -> None:
    assert problem in (sender_problem(country, sender) or "")
