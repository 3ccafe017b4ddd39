"""Who SMS come from, by the country they go to: a number, a short code, or a name where networks carry one."""

import re
from collections.abc import Mapping

from shared.messages.countries import EVERYWHERE, country_problem

WITHOUT_NAMES = frozenset({"CA", "CN", "PR", "US"})
"""Countries whose networks carry no alphanumeric sender.

US: https://www.twilio.com/guidelines/us/sms; CA, CN, US:
https://docs.aws.amazon.com/sms-voice/latest/userguide/sender-id.html; CA, PR, US:
https://developers.telnyx.com/docs/messaging/messages/alphanumeric-sender-id. Others want a name registered first, or
replace it: that the vendor knows.
"""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SHORT_CODE = re.compile(r"[0-9]{3,8}")
# The characters Twilio takes (https://www.twilio.com/docs/messaging/api/alphasender-resource); 11 octets is what the
# address field of an SMS holds (3GPP TS 23.040 section 9.1.2.5).
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}")


def is_name(sender: str) -> bool:
    """Whether a sender is alphanumeric: up to 11 characters, a letter among them."""
    return bool(_NAME.fullmatch(sender))


def sender_problem(country: str, sender: str) -> str | None:
    """What is wrong with `sender` for the numbers of `country` (ISO 3166, or `*`); None when nothing is."""
    if problem := country_problem(country):
        return problem
    if _E164.fullmatch(sender) or _SHORT_CODE.fullmatch(sender):
        return None
    if not is_name(sender):
        return (
            f"{sender!r} is no sender: write a number such as +442079460018, a short code of 3 to 8 digits, or a name "
            "of at most 11 letters, digits, spaces and & + _ - with a letter in it."
        )
    if country in WITHOUT_NAMES:
        return f"networks of {country} carry no names: give it a number or a short code instead of {sender!r}."
    return None


def sender_for(country: str | None, senders: Mapping[str, str]) -> str | None:
    """The sender for a country, or for a number that is no country's (None).

    The sender of `*` is for every country that is not named, except a name where networks carry none. None leaves it to
    the provider's own settings.
    """
    if country and country in senders:
        return senders[country]
    sender = senders.get(EVERYWHERE)
    return None if sender and country in WITHOUT_NAMES and is_name(sender) else sender
