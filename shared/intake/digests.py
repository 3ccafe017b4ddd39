"""Digests, as callers ask for them: what collects, until when, and whose it is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from marshmallow import ValidationError, validate, validates_schema

from shared.durations import distance_of
from shared.errors import InvalidInput
from shared.intake.problems import StrictSchema, did_you_mean
from shared.ledger.digests import Item
from shared.ledger.draft import Draft
from shared.ledger.person import key_of, person_of
from shared.messages.fields import Line
from shared.templates.compiled import Template

LEAST, LONGEST = timedelta(seconds=1), timedelta(days=7)
"""How long a digest may collect."""
MAX_BYTES = 4096
"""Of what one request adds to a digest, as JSON: hundreds of them are read for one message."""
NOT_HERE = "Only a request of its own (POST /v1/notifications) is collected. Leave this out here."
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class Window(Line):
    """How long a digest collects, e.g. `30m`."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            window = distance_of(text)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        if not LEAST <= window <= LONGEST:
            raise ValidationError("Must be from 1s to 7d.")
        return text


class DigestSchema(StrictSchema):
    """That a request is collected with others, and sent with them as one message."""

    window = Window(
        metadata={"description": "How long the first one waits for more: s, m, h or d, up to 7d.", "example": "30m"}
    )
    at = Line(
        validate=validate.Regexp(_CLOCK.pattern + r"\Z", error="Must be a time of day such as 08:00."),
        metadata={
            "description": "Instead of a window: the time of day at which it is sent, where the recipient is "
            "(`to.timezone`, else UTC).",
            "example": "08:00",
        },
    )
    key = Line(
        validate=validate.Length(1, 200),
        metadata={
            "description": "What is collected together; by default whatever has this template.",
            "example": "comments",
        },
    )

    @validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        if ("window" in data) == ("at" in data):
            raise ValidationError("Give exactly one of window and at.", "window")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A digest that is asked for, as `DigestSchema` has loaded it.

    Parameters:
        collecting: the list that collects, by the name of the template's variable.
    """

    asked: Mapping[str, str]
    collecting: str

    def item(self, project_id: int, template: Template, draft: Draft, now: datetime) -> Item:
        """What the notification of `draft` adds to its digest.

        Raises:
            InvalidInput: it is too much, or would expire before it is sent.
        """
        closes_at = self._closes_at(draft.recipient, now)
        if draft.expires_at and draft.expires_at <= closes_at:
            raise InvalidInput({"expires_at": ["Must be after the digest closes: it would expire before it is sent."]})
        variables = dict(draft.data or {})
        [item] = variables.pop(self.collecting)
        if (size := len(orjson.dumps([item, variables]))) > MAX_BYTES:
            raise InvalidInput({"data": [f"May have {MAX_BYTES} bytes as JSON in a digest; this has {size}."]})
        person = person_of(draft.recipient, draft.targets)
        return Item(self._key(project_id, person, draft, template), closes_at, item, variables)

    def _key(self, project_id: int, person: str, draft: Draft, template: Template) -> UUID:
        # By the template's version: what is written for a new one may not suit the message of an old one.
        return key_of(project_id, person, draft.template_id, draft.channel, self.asked.get("key", template.name))

    def _closes_at(self, recipient: Mapping[str, Any], now: datetime) -> datetime:
        if "window" in self.asked:
            return now + distance_of(self.asked["window"])
        hour, minute = map(int, self.asked["at"].split(":"))
        local = now.astimezone(ZoneInfo(recipient.get("timezone", "UTC")))
        found = local.replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
        while (closes_at := found.astimezone(UTC)) <= now:
            found += timedelta(days=1)
        return closes_at


def wanted(asked: Mapping[str, Any], template: Template) -> Wanted:
    """The digest a request asks for.

    Raises:
        InvalidInput: its template collects nothing, or the request has what a digest cannot have.
    """
    if template.digest is None:
        raise InvalidInput({"digest": [f"The template {template.name} collects nothing: see docs/digests.md."]})
    problems: dict[str, list[str]] = {}
    for name in ("send_at", "ordering_key"):
        if asked.get(name):
            problems[name] = ["A digest is sent when it closes: leave this out."]
    if problems:
        raise InvalidInput(problems)
    return Wanted(asked["digest"], template.digest)


def arranged(template: Template, collecting: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The template's variables, of what one request gives: the fields of an element, and the others.

    Raises:
        InvalidInput: a name is neither.
    """
    names = template.variables.element(collecting)
    others = [name for name in template.variables.declared if name != collecting]
    problems: dict[str, list[str]] = {}
    if collecting in data:
        problems[f"data.{collecting}"] = [f"The digest makes this list: give one element's {_listed(names)} instead."]
    for name in data:
        if name not in names and name not in others and name != collecting:
            known = [*names, *others]
            hint = did_you_mean(name, known) or f" It has {_listed(known)}."
            problems[f"data.{name[:80]}"] = [f"The digest has no `{name[:80]}`.{hint}"]
    if problems:
        raise InvalidInput(problems)
    rest = {name: value for name, value in data.items() if name not in names}
    return {**rest, collecting: [{name: value for name, value in data.items() if name in names}]}


def as_given(problems: Mapping[str, Sequence[str]], collecting: str) -> dict[str, list[str]]:
    """Problems by the paths that the caller knows: `data.author`, not `data.comments.0.author`."""
    inner = f"data.{collecting}.0"
    return {
        ("data" + path.removeprefix(inner) if path.startswith(inner) else path): list(every)
        for path, every in problems.items()
    }


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
