"""Twilio's content templates: which of them stands for a template of ours, and what their variables may hold.

https://www.twilio.com/docs/content/using-variables-with-content-api
"""

import json
import re
from collections.abc import Mapping, Sequence

from shared.errors import Rejected

LONGEST_NAME, LONGEST_VALUE = 16, 1600
"""Characters: https://www.twilio.com/docs/content/using-variables-with-content-api."""

_APPROVED = re.compile(r"(?P<name>[a-z][a-z0-9_]{0,62}(\.[a-z]{2,3}(-[A-Za-z0-9]{2,8})*)?)=(?P<sid>HX[0-9a-fA-F]{32})")
_NAME = re.compile(r"\w{1,16}", re.ASCII)
_BROKEN = re.compile(r"[\n\r\t]| {5}")
"""What an approved text may not get: Twilio's error 21656, https://www.twilio.com/docs/api/errors/21656."""


def approved(pairs: Sequence[str]) -> Mapping[str, str]:
    """The content SID by the name of our template, of `name=HX…` pairs that `problem_of` had nothing against.

    That of a variant has its language behind the name: `booking_confirmation.pt-BR=HX…`.
    """
    return dict(pair.split("=", 1) for pair in pairs)


def sid_for(template: str | None, configured: Mapping[str, str]) -> str | None:
    """What is approved for a template of ours, in its language where that one is."""
    name = template or ""
    return configured.get(name) or configured.get(name.partition(".")[0])


def problem_of(pairs: Sequence[str]) -> str | None:
    """What is wrong with a list of `name=HX…` pairs, if anything."""
    names = set()
    for pair in pairs:
        match = _APPROVED.fullmatch(pair)
        if match is None:
            return f"must be a list of name=HX… (HX and 32 hexadecimal digits) separated by commas; not {pair!r}."
        if match["name"] in names:
            return f"names {match['name']} twice."
        names.add(match["name"])
    return None


def content_variables(variables: Mapping[str, str]) -> str | None:
    """The `ContentVariables` of a message: a JSON object of strings.

    A variable that is left out is filled with the sample the template was approved with, so an empty one is refused
    here rather than left out.

    Raises:
        Rejected: a variable that Twilio or WhatsApp would refuse, by its name.
    """
    for name, value in variables.items():
        if not _NAME.fullmatch(name):
            raise _refused(name, f"is no name of a placeholder: letters, digits and _, {LONGEST_NAME} at most")
        if not value.strip():
            raise _refused(name, "is empty, and WhatsApp takes no empty variable")
        if _BROKEN.search(value):
            raise _refused(name, "has a line break, a tab or more than four spaces in a row: WhatsApp takes none there")
        if len(value) > LONGEST_VALUE:
            raise _refused(name, f"has {len(value)} characters; Twilio takes {LONGEST_VALUE}")
    return json.dumps(variables, ensure_ascii=False) if variables else None


def _refused(name: str, why: str) -> Rejected:
    return Rejected(f"The variable {name} of the approved template {why}.", code="variables")
