"""Countries of telephone numbers: ISO 3166-1 codes, as libphonenumber knows them."""

from phonenumbers import (
    SUPPORTED_REGIONS,
    NumberParseException,
    PhoneNumber,
    PhoneNumberType,
    number_type,
    parse,
    region_code_for_country_code,
    region_code_for_number,
)

EVERYWHERE = "*"
"""Stands for every country that is not named."""

_NOWHERE = "001"
"""What libphonenumber says of numbers that are no country's: satellites, +883, international freephone."""
_MISTAKEN = {"UK": "GB", "EL": "GR", "EN": "GB"}


def country_of(number: str) -> str | None:
    """The country of a number in E.164; None where it is no country's.

    A number that no plan has given out (yet) counts as the country whose calling code it begins with, for `+1` the
    United States, for `+44` the United Kingdom: an SMS to it goes there.
    """
    parsed = _parsed(number)
    if parsed is None:
        return None
    region = region_code_for_number(parsed) or region_code_for_country_code(parsed.country_code or 0)
    return region if region in SUPPORTED_REGIONS else None


def is_premium_rate(number: str) -> bool:
    """Whether a number in E.164 is one that the caller pays somebody for."""
    parsed = _parsed(number)
    return parsed is not None and number_type(parsed) == PhoneNumberType.PREMIUM_RATE


def country_problem(code: str) -> str | None:
    """What is wrong with an ISO 3166-1 code; None when nothing is, as with `*`."""
    if code == EVERYWHERE or code in SUPPORTED_REGIONS:
        return None
    likely = _MISTAKEN.get(code.upper(), code.upper())
    hint = f" Did you mean {likely}?" if likely in SUPPORTED_REGIONS else ""
    return f"{code!r} is not an ISO 3166 country code such as GB, nor *.{hint}"


def _parsed(number: str) -> PhoneNumber | None:
    try:
        return parse(number, None)
    except NumberParseException:
        return None
