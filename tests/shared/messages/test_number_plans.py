"""What is asked of compiled number plans is what libphonenumber says: of every region, and of numbers at random."""

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, PhoneNumberFormat, PhoneNumberType

from shared.messages.countries import country_of, is_premium_rate
from shared.messages.fields import e164

CODES = sorted(COUNTRY_CODE_TO_REGION_CODE)
_EXAMPLES = [
    phonenumbers.format_number(sample, PhoneNumberFormat.E164)
    for region in sorted(SUPPORTED_REGIONS)
    for kind in sorted(PhoneNumberType.values())
    if (sample := phonenumbers.example_number_for_type(region, kind))
] + [
    phonenumbers.format_number(sample, PhoneNumberFormat.E164)
    for code in CODES
    if (sample := phonenumbers.example_number_for_non_geo_entity(code))
]


def by_the_library(number: str) -> tuple[str | None, str | None, bool]:
    """E.164 form, country, premium rate."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None, None, False
    possible = phonenumbers.is_possible_number(parsed)
    region = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
        parsed.country_code or 0
    )
    return (
        phonenumbers.format_number(parsed, PhoneNumberFormat.E164) if possible else None,
        region if region in SUPPORTED_REGIONS else None,
        phonenumbers.number_type(parsed) == PhoneNumberType.PREMIUM_RATE,
    )


def by_us(number: str) -> tuple[str | None, str | None, bool]:
    try:
        normal = e164(number)
    except ValidationError:
        normal = None
    return normal, country_of(number), is_premium_rate(number)


@pytest.mark.parametrize("code", CODES)
def test_the_first_numbers_of_every_calling_code(code: int) -> None:
    """Beginnings of three digits, at every length."""
    for length in range(1, 15):
        for beginning in range(0, 1000, 37):
            number = f"+{code}{f'{beginning:03}5551234567890'[:length]}"
            assert by_us(number) == by_the_library(number), number


def test_an_example_of_every_kind_in_every_region() -> None:
    assert len(_EXAMPLES) > 1000
    for number in _EXAMPLES:
        for changed in (number, number[:-1], number + "1", number[:-3] + "999", number[:4] + "0" + number[4:]):
            assert by_us(changed) == by_the_library(changed), changed


@settings(max_examples=500)
@given(st.sampled_from(CODES), st.text("0123456789", max_size=16))
def test_any_digits_after_a_calling_code(code: int, digits: str) -> None:
    assert by_us(f"+{code}{digits}") == by_the_library(f"+{code}{digits}")


@settings(max_examples=500)
@given(st.text("+0123456789 ()-.;extphone=#٣\n", max_size=20))
@example("+٤٤٧٤٠٠١٢٣٤٥٦")
@example("+447400123456\n")
@example("+44 (0)7400 123456")
@example("tel:+44-7400-123456;ext=12")
@example("+447400123456;phone-context=+1")
def test_whatever_else_people_write(number: str) -> None:
    assert by_us(number) == by_the_library(number)
