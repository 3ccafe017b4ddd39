"""What a request says once for all its recipients, by every rule that does not depend on the recipient."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from marshmallow import ValidationError

from shared.errors import InvalidInput
from shared.intake.problems import by_path
from shared.intake.templates import Pinned, Templates
from shared.ledger.person import NOBODY
from shared.messages.content import CONTENT_SCHEMAS, dump_content, load_content

PAST_TOLERATED = timedelta(seconds=60)
"""How far in the past `send_at` may be: clocks differ, and a request takes time to arrive."""

AHEAD = timedelta(days=366)

_LANE = {"code": "critical", "transactional": "normal", "promotion": "bulk"}
_ON_UNKNOWN = {"code": "hold", "transactional": "resend", "promotion": "hold"}


_REPEATABLE = frozenset({"webhook", "inapp"})
"""Channels whose receivers can tell a repetition: what is in doubt is sent again."""

NO_CODES = (
    "What an inbox has stays there, readable for whoever looks: send a one-time code, or what has a secret variable, "
    "by SMS or email."
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A checked envelope: everything a `Draft` has but its recipient."""

    channel: str
    lane: str
    kind: str
    on_unknown: str
    pinned: Pinned | None
    content: Mapping[str, Any] | None
    data: Mapping[str, Any]
    metadata: Mapping[str, str]
    send_at: datetime | None
    expires_at: datetime | None
    category: str | None = None

    @property
    def queue(self) -> str:
        """Where its deliveries wait, e.g. `sms.critical`."""
        return f"{self.channel}.{self.lane}"


_TOLD = ("template", "kind", "category", "channel", "lane", "send_at", "expires_at", "on_unknown", "metadata")


def told(request: Mapping[str, Any]) -> dict[str, Any]:
    """What a batch tells of its request later: how it was sent, and nothing of what it said, which may be secret."""
    return {name: request[name] for name in _TOLD if name in request}


def seal_up(project_id: int, asked: Mapping[str, Any], templates: Templates, now: datetime) -> Envelope:
    """The envelope of a request that `EnvelopeSchema` has loaded.

    Raises:
        InvalidInput: naming every rule that is broken.
    """
    channel = asked["channel"]
    if channel == "webhook" and "template" in asked:
        raise InvalidInput({"template": ["A webhook has no template: give content with a type and data."]})
    pinned = templates.pin(project_id, asked["template"], channel) if "template" in asked else None
    kind = _kind(asked, pinned)
    if channel in NOBODY and asked.get("category"):
        raise InvalidInput({"category": [f"People choose by category, and {channel} goes to none: leave this out."]})
    if channel == "inapp" and (kind == "code" or (pinned and pinned.template.secret_variables)):
        raise InvalidInput({"channel": [NO_CODES]})
    if problems := _times(kind, asked.get("send_at"), asked.get("expires_at"), now):
        raise InvalidInput(problems)
    return sealed(asked, pinned)


def sealed(asked: Mapping[str, Any], pinned: Pinned | None) -> Envelope:
    """The same of a request that was checked before, for the template version it was checked with."""
    channel, kind = asked["channel"], _kind(asked, pinned)
    return Envelope(
        channel=channel,
        lane=asked.get("lane") or _LANE[kind],
        kind=kind,
        on_unknown=asked.get("on_unknown") or ("resend" if channel in _REPEATABLE else _ON_UNKNOWN[kind]),
        pinned=pinned,
        content=None if pinned else _content(channel, asked["content"]),
        data=asked.get("data", {}),
        metadata=asked.get("metadata", {}),
        send_at=asked.get("send_at"),
        expires_at=asked.get("expires_at"),
        category=pinned.template.category if pinned else asked.get("category"),
    )


def _kind(asked: Mapping[str, Any], pinned: Pinned | None) -> str:
    return pinned.template.kind if pinned else asked.get("kind", "transactional")


def _content(channel: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return dump_content(channel, load_content(channel, given))
    except ValidationError as error:
        raise InvalidInput(by_path(error.messages, CONTENT_SCHEMAS[channel](), "content")) from None


def _times(
    kind: str, send_at: datetime | None, expires_at: datetime | None, now: datetime
) -> dict[str, list[str]]:  # fmt: skip
    problems: dict[str, list[str]] = {}
    if send_at and send_at < now - PAST_TOLERATED:
        problems["send_at"] = ["This moment has passed. Leave send_at out to send at once."]
    if send_at and send_at > now + AHEAD:
        problems["send_at"] = [f"May be at most {AHEAD.days} days ahead."]
    if expires_at and expires_at <= now:
        problems["expires_at"] = ["This moment has passed: it would expire before it could be sent."]
    elif expires_at and send_at and expires_at <= send_at:
        problems["expires_at"] = ["Must be after send_at: it would expire before it could be sent."]
    if kind == "code" and expires_at is None:
        problems["expires_at"] = ["A one-time code needs expires_at: the moment from which it is worthless."]
    return problems
