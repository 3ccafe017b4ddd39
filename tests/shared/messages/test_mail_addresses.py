"""A mail address is checked by email-validator, whether or not its domain was seen before."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from shared.messages.fields import normal_email

NAMES = st.one_of(
    st.text("abcXYZ019.+-_'\"@ <>\\é\u0338", max_size=12),
    st.sampled_from(["ada", "Ada.Lovelace", "info", "INFO", "Postmaster", "a" * 64, "a" * 65, "a" * 243, '"a b"', "é"]),
)
DOMAINS = st.one_of(
    st.lists(st.text("abXZ019-_é", max_size=6), max_size=4).map(".".join),
    st.sampled_from([
        "example.com", "EXAMPLE.com", "example.com.", "example", "test", "local", "a.local", "bücher.example",
        "xn--bcher-kva.example", "xn--a.example", "ab--c.example", "example.c0", "1.2.3.4", "[1.2.3.4]", "ex ample.com",
        "b" * 64 + ".com", ".".join(["b" * 60] * 4) + ".com", "b.com>", "ⅷ.com", "K.com", "a@b.com",
    ]),
)  # fmt: skip


def by_the_library(address: str) -> str:
    try:
        return str(validate_email(address, check_deliverability=False, test_environment=True).normalized)
    except EmailNotValidError as error:
        return f"Not a valid e-mail address: {error}"


def by_us(address: str) -> str:
    try:
        return normal_email(address)
    except ValidationError as error:
        return str(error.messages[0])


@settings(max_examples=1500)
@given(NAMES, DOMAINS)
@example("info", "Example.COM")
@example("ada\n", "example.com")
def test_the_first_time_and_the_next(name: str, domain: str) -> None:
    address = f"{name}@{domain}"
    assert by_us(address) == by_the_library(address)
    assert by_us(address) == by_the_library(address)


@pytest.mark.parametrize("address", ["", "@", "ada", "ada@", "@example.com", "Ada <ada@example.com>", "a" * 400_000])
def test_what_is_hardly_an_address(address: str) -> None:
    assert by_us(address) == by_the_library(address)
