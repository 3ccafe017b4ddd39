"""Countries of telephone numbers: ISO 3166-1 codes, as libphonenumber knows them."""

from functools import lru_cache
from typing import NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS

from shared.messages.number_plans import parts_of, plan_of, region_of

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
    place = _place_of(number)
    if place is None:
        return None
    region = place.region or COUNTRY_CODE_TO_REGION_CODE.get(place.code, (_NOWHERE,))[0]
    return region if region in SUPPORTED_REGIONS else None


def is_premium_rate(number: str) -> bool:
    """Whether a number in E.164 is one that the caller pays somebody for."""
    place = _place_of(number)
    return bool(place and place.region and plan_of(place.code, place.region).is_premium_rate(place.national))


def country_problem(code: str) -> str | None:
    """What is wrong with an ISO 3166-1 code; None when nothing is, as with `*`."""
    if code == EVERYWHERE or code in SUPPORTED_REGIONS:
        return None
    likely = _MISTAKEN.get(code.upper(), code.upper())
    hint = f" Did you mean {likely}?" if likely in SUPPORTED_REGIONS else ""
    return f"{code!r} is not an ISO 3166 country code such as GB, nor *.{hint}"


class _Place(NamedTuple):
    code: int
    national: str
    region: str | None


# Whoever asks one thing of a number asks the other too.
@lru_cache(maxsize=256)
def _place_of(number: str) -> _Place | None:
    parts = parts_of(number)
    return parts and _Place(*parts, region_of(*parts))
