"""Number plans as libphonenumber has them, ready to be asked about one number after the other.

What phonenumbers does for numbers as people write them (spaces, brackets, trunk prefixes) takes most of its time, and
nearly every number that reaches Crier is plain E.164. For those its own metadata is enough, compiled once a plan;
whatever is not plain is left to the library.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, NumberParseException, national_significant_number, parse
from phonenumbers.phonemetadata import PhoneMetadata, PhoneNumberDesc

_PLAIN = re.compile(r"\+[1-9][0-9]{4,16}")
_CODES = {str(code): code for code in COUNTRY_CODE_TO_REGION_CODE}
_LONGEST_CODE = 3
_TYPES = (
    "mobile", "fixed_line", "premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan",
    "voicemail",
)  # fmt: skip
Matches = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Plan:
    """How the numbers of a region look, by their national part.

    Parameters:
        lengths: how many digits a possible number has.
        begins_with_prefix: whether it may begin with what is dialled within the country only, as the 0 of `+44 (0)20`.
        is_known: whether it is of a kind that the plan has given out.
        is_premium_rate: whether the caller pays somebody for it.
        leading_digits: by which it is told from others with the same calling code; None where only its kind tells.
    """

    lengths: frozenset[int]
    begins_with_prefix: Callable[[str], object]
    is_known: Matches
    is_premium_rate: Matches
    leading_digits: Callable[[str], object] | None


def split(number: str) -> tuple[int, str] | None:
    """Calling code and national part of a plain E.164 number; None of everything else."""
    if _PLAIN.fullmatch(number):
        for end in range(2, _LONGEST_CODE + 2):
            if code := _CODES.get(number[1:end]):
                return code, number[end:]
    return None


def is_plainly_possible(number: str) -> bool:
    """Whether a number is plain E.164, possible, and already what its normal form is. False leaves it open."""
    if (parts := split(number)) is None:
        return False
    code, national = parts
    plan = plan_of(code, COUNTRY_CODE_TO_REGION_CODE[code][0])
    return (
        len(national) in plan.lengths
        # Zeros and trunk prefixes are what libphonenumber may drop, by rules of each country.
        and national[0] != "0"
        and not plan.begins_with_prefix(national)
    )


def parts_of(number: str) -> tuple[int, str] | None:
    """Calling code and national part of any number in international form; None if it is none."""
    if is_plainly_possible(number):
        return split(number)
    try:
        parsed = parse(number, None)
    except NumberParseException:
        return None
    return parsed.country_code or 0, national_significant_number(parsed)


def region_of(code: int, national: str) -> str | None:
    """The region whose number this is, as libphonenumber's `region_code_for_number` says it."""
    regions = COUNTRY_CODE_TO_REGION_CODE.get(code, ())
    if len(regions) == 1:
        return regions[0]
    for region in regions:
        plan = plan_of(code, region)
        if plan.leading_digits(national) if plan.leading_digits else plan.is_known(national):
            return region
    return None


@cache
def plan_of(code: int, region: str) -> Plan:
    """The plan of a region, under a calling code that is its own where the region is no country's (`001`)."""
    metadata: Any = PhoneMetadata.metadata_for_region_or_calling_code(code, region)  # every code and region has some
    general = _matcher(metadata.general_desc)
    # Where both have one pattern, the plan has it under fixed lines only.
    types = [name for name in _TYPES if name != "mobile" or not metadata.same_mobile_and_fixed_line_pattern]
    kinds = [_matcher(desc) for name in types if (desc := getattr(metadata, name)) is not None]
    premium = _matcher(metadata.premium_rate)
    prefix = metadata.national_prefix_for_parsing
    lengths = {*metadata.general_desc.possible_length, *metadata.general_desc.possible_length_local_only}
    return Plan(
        lengths=frozenset(lengths),
        begins_with_prefix=re.compile(prefix).match if prefix else lambda _: None,
        is_known=lambda national: general(national) and any(kind(national) for kind in kinds),
        is_premium_rate=lambda national: general(national) and premium(national),
        leading_digits=re.compile(metadata.leading_digits).match if metadata.leading_digits is not None else None,
    )


def _matcher(desc: PhoneNumberDesc | None) -> Matches:
    if desc is None or not desc.national_number_pattern:
        return lambda _: False
    lengths, fits = frozenset(desc.possible_length), re.compile(desc.national_number_pattern).fullmatch
    return lambda national: (not lengths or len(national) in lengths) and fits(national) is not None
