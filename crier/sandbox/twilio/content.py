"""The content templates of the stand-in's Twilio account, all of them approved for WhatsApp.

https://www.twilio.com/docs/content/using-variables-with-content-api. A variable that is left out gets the sample of the
template; where it has none, and for variables the template does not have, the message is accepted and WhatsApp refuses
it (https://www.twilio.com/docs/api/errors/63028). What Twilio does with a `Body` beside a `ContentSid` is not
documented; here it is passed over.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5

Form = Mapping[str, str]
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_NAME = re.compile(r"\w{1,16}", re.ASCII)
_BROKEN = re.compile(r"[\n\r\t]| {5}")
_LONGEST_VALUE = 1600
_LONGEST_TEXT = 1024
"""Characters of a template with its variables filled in: https://www.twilio.com/docs/api/errors/63021."""


@dataclass(frozen=True)
class Content:
    """An approved template: its text with placeholders, and the samples it was approved with."""

    name: str
    body: str
    samples: Mapping[str, str] = field(default_factory=dict)

    @property
    def sid(self) -> str:
        """The content SID."""
        return "HX" + uuid5(NAMESPACE_URL, f"crier:sandbox:content:{self.name}").hex

    @property
    def placeholders(self) -> frozenset[str]:
        """The names of its variables."""
        return frozenset(_PLACEHOLDER.findall(self.body))

    def render(self, variables: Mapping[str, str]) -> str:
        """Its text; what nothing is known of stays as it is."""
        known = {**self.samples, **variables}
        return _PLACEHOLDER.sub(lambda match: known.get(match[1], match[0]), self.body)


CONTENTS = (
    Content(
        "booking_confirmation",
        "Your booking with {{1}} is confirmed: {{2}} on {{3}}. Please quote the reference {{4}} when you contact us.",
    ),
    Content(
        "order_shipped",
        "Hello {{name}}, your order {{order}} is on its way. Thank you for shopping with us.",
        {"name": "there"},
    ),
    Content("opening_hours", "We are open every day from 9 to 18. Reply to this message to reach us."),
)
BY_SID: Mapping[str, Content] = {content.sid: content for content in CONTENTS}


def variables(form: Form) -> Mapping[str, str] | None:
    """The `ContentVariables` of a message; `None` when they are malformed."""
    try:
        found = json.loads(form.get("ContentVariables") or "{}")
    except ValueError:
        return None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        return None
    return found


def refusal(form: Form) -> int | None:
    """The code of the error for which the template or its variables are refused at once."""
    given = variables(form)
    if form.get("ContentVariables") and not form.get("ContentSid"):
        return 21654
    if form.get("ContentSid") and form["ContentSid"] not in BY_SID:
        return 21655
    if given is None:
        return 21656
    if any(not _NAME.fullmatch(name) or not value.strip() or _BROKEN.search(value) for name, value in given.items()):
        return 21656
    return 21658 if any(len(value) > _LONGEST_VALUE for value in given.values()) else None


def later(form: Form) -> int | None:
    """The code of the error that WhatsApp has for an accepted message's template, if any."""
    content = BY_SID.get(form.get("ContentSid", ""))
    if content is None:
        return None
    given = variables(form) or {}
    if not given.keys() <= content.placeholders <= given.keys() | content.samples.keys():
        return 63028
    return 63021 if len(content.render(given)) > _LONGEST_TEXT else None


def text(form: Form) -> str:
    """What the recipient reads."""
    content = BY_SID.get(form.get("ContentSid", ""))
    return content.render(variables(form) or {}) if content else form.get("Body", "")
