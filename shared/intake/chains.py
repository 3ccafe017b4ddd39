"""A chain as a caller asks for it: several channels, one after the other, until a message has come far enough.

Every step is checked when the chain is accepted, as if it were sent then: what would be refused later is refused now.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields

from shared.errors import InvalidInput
from shared.intake.drafts import Drafts, Row
from shared.intake.envelope import Envelope
from shared.intake.fields import Channel
from shared.intake.problems import did_you_mean
from shared.intake.recipient import address, load_recipient, no_devices
from shared.ledger.chain_rules import Goal, spoken
from shared.ledger.draft import Draft
from shared.ledger.ids import new_id
from shared.ledger.planned_chain import PlannedChain, PlannedStep
from shared.ledger.routes import Routes
from shared.messages.content import CONTENT_SCHEMAS
from shared.receipts.knowable import is_enough, knowable, of_channel

MOST_STEPS = 5
LEAST, MOST = timedelta(seconds=1), timedelta(days=7)
DEFAULT = timedelta(minutes=10)
"""How long a step is given, where the request does not say it."""
_ANY = "any"
"""Stands for the devices of a user who has none yet, while the rest is checked."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_ONLY_CHAINS = ("fallback_after", "until")


class ChannelOrChain(Channel):
    """One of the channels, or two to five of them: a chain."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, list | tuple):
            return super()._deserialize(value, attr, data, **kwargs)
        if not 2 <= len(value) <= MOST_STEPS:
            raise ValidationError(f"A chain has 2 to {MOST_STEPS} channels; this has {len(value)}.")
        names = [super(ChannelOrChain, self)._deserialize(one, attr, data, **kwargs) for one in value]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValidationError(f"Name each channel once: {', '.join(twice)} is there more than once.")
        return names


class Patience(fields.Field[Any]):
    """How long each step is given: one duration for all, or a list of one for each step but the last."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if isinstance(value, list):
            if not 1 <= len(value) < MOST_STEPS:
                raise ValidationError("Give one duration, or one for each step but the last.")
            return [_duration(one) for one in value]
        return _duration(value)


def check_shape(asked: Mapping[str, Any]) -> None:
    """Whether what only chains have is asked of a chain. Raises ValidationError."""
    if not isinstance(asked.get("channel"), list):
        for name in _ONLY_CHAINS:
            if asked.get(name) is not None:
                raise ValidationError("Belongs to a chain: give channel a list such as [push, sms].", name)


@dataclass(frozen=True)
class ChainPlanner:
    """Makes chains of requests.

    Parameters:
        seal: checks what is said once for all recipients, of one channel.
        reporting: the providers whose receipts are set up; None where that is not known.
    """

    seal: Callable[[int, Mapping[str, Any], datetime], Envelope]
    drafts: Drafts
    routes: Routes
    reporting: Collection[str] | None = None

    def plan(
        self, project_id: int, asked: Mapping[str, Any], now: datetime, identifier: UUID | None = None
    ) -> PlannedChain:
        """The chain that a request asks for, as its schema has loaded it.

        Raises:
            InvalidInput: every problem, by field path.
        """
        channels: Sequence[str] = asked["channel"]
        chain_id = identifier or new_id()
        patiences = _patiences(channels, asked.get("fallback_after"))
        goal = Goal.of(asked.get("until") or "delivered")
        recipient, problems = load_recipient(asked["to"])
        if asked.get("ordering_key"):
            told = "A chain has none: what falls back to another channel could not keep its place."
            problems["ordering_key"] = [told]
        if problems:
            raise InvalidInput(problems)
        envelopes = [self._envelope(project_id, asked, channel, now) for channel in channels]
        _check_expiry(envelopes, patiences, now)
        goals = [self._goal(one, goal, is_last=one is envelopes[-1]) for one in envelopes]
        drafts = [self._draft(project_id, envelope, asked, chain_id) for envelope in envelopes]
        if not any(draft.targets for draft in drafts):
            raise InvalidInput({"to.user_id": [no_devices(recipient["user_id"])]})
        return PlannedChain(chain_id, goal, _steps(channels, goals, patiences, drafts, recipient))

    def _envelope(self, project_id: int, asked: Mapping[str, Any], channel: str, now: datetime) -> Envelope:
        one = {**asked, "channel": channel}
        if "content" in asked:
            one["content"] = _content_of(asked["content"], asked["channel"], channel)
        try:
            return self.seal(project_id, one, now)
        except InvalidInput as error:
            raise InvalidInput({_path(name, channel): said for name, said in error.fields.items()}) from None

    def _draft(self, project_id: int, envelope: Envelope, asked: Mapping[str, Any], chain_id: UUID) -> Draft:
        """The draft of a step; without targets where its user has no devices now."""
        drafts, refused = self.drafts.make(project_id, envelope, [Row(new_id(), asked["to"])])
        if refused and envelope.channel == "push" and refused[0][1].keys() == {"to.user_id"}:
            anywhere = {**asked["to"], "tokens": [_ANY]}
            drafts, refused = self.drafts.make(project_id, envelope, [Row(new_id(), anywhere)])
            drafts = [replace(draft, targets=()) for draft in drafts]
        for _, problems in refused:
            raise InvalidInput(problems)
        return replace(drafts[0], chain_id=chain_id)

    def _goal(self, envelope: Envelope, wanted: Goal, *, is_last: bool) -> Goal:
        """How far a step has to come: the last one no further than its provider reports.

        Raises:
            InvalidInput: nobody would know of another one whether it has.
        """
        # While no worker has said who sends, it may be anybody who can.
        told = self.routes.of(envelope.queue)
        providers = told or of_channel(envelope.channel)
        known = knowable(envelope.channel, providers, self.reporting if told else None)
        if is_enough(known, str(wanted)):
            return wanted
        if is_last:
            return Goal.of(known)
        who = ", ".join(providers)
        remedy = f"Say until: {known}, put {envelope.channel} last, or set up a provider that reports it"
        raise InvalidInput(
            {
                "until": [
                    f"Nobody would know whether the {envelope.channel} was {wanted}: {who} does not report it here. "
                    f"{remedy} (docs/chains.md)."
                ]
            }
        )


def _steps(
    channels: Sequence[str], goals: Sequence[Goal], patiences: Sequence[timedelta], drafts: Sequence[Draft],
    recipient: Mapping[str, Any],
) -> list[PlannedStep]:  # fmt: skip
    """The steps. What is looked up when it begins is not kept from now: devices come and go.

    A push without devices is passed over where the chain would begin with it; later on there may be some.
    """
    steps: list[PlannedStep] = []
    begun = False
    for channel, goal, patience, draft in zip(channels, goals, patiences, drafts, strict=True):
        if not draft.targets and not begun:
            why = f"{channel}: {recipient['user_id']} has no registered devices."
            steps.append(PlannedStep(channel, goal, patience, None, why))
            continue
        is_looked_up = begun and address(channel, recipient) == ([], None)
        steps.append(PlannedStep(channel, goal, patience, replace(draft, targets=()) if is_looked_up else draft))
        begun = True
    return steps


def _patiences(channels: Sequence[str], given: Any) -> list[timedelta]:
    if not isinstance(given, list):
        return [given or DEFAULT] * len(channels)
    if len(given) != len(channels) - 1:
        told = f"Give one duration, or {len(channels) - 1}: one for each step but the last."
        raise InvalidInput({"fallback_after": [told]})
    return [*given, given[-1]]


def _check_expiry(envelopes: Sequence[Envelope], patiences: Sequence[timedelta], now: datetime) -> None:
    expires_at = envelopes[0].expires_at
    if expires_at is None:
        return
    begins = max(envelopes[0].send_at or now, now)
    last = begins + sum(patiences[:-1], timedelta())
    if expires_at <= last:
        told = spoken(int((last - begins).total_seconds()))
        raise InvalidInput(
            {
                "expires_at": [
                    f"The last step may begin only after {told}, when this would have expired: choose a later moment, "
                    "or a shorter fallback_after."
                ]
            }
        )


def _content_of(content: Mapping[str, Any], channels: Sequence[str], channel: str) -> Mapping[str, Any]:
    """The content of one channel of a chain."""
    if unknown := sorted(str(name)[:40] for name in content if name not in channels):
        near = did_you_mean(unknown[0], channels)
        told = f"A chain has content by channel, for each of {', '.join(channels)}.{near}"
        raise InvalidInput({f"content.{unknown[0]}": [told]})
    given = content.get(channel)
    if not isinstance(given, Mapping):
        fields_of = ", ".join(list(CONTENT_SCHEMAS[channel]().fields)[:3])
        raise InvalidInput({f"content.{channel}": [f"Must be an object: what is sent by {channel} ({fields_of}, …)."]})
    return given


def _path(name: str, channel: str) -> str:
    return f"content.{channel}{name.removeprefix('content')}" if name.partition(".")[0] == "content" else name


def _duration(value: Any) -> timedelta:
    text = value if isinstance(value, str) else ""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isascii() or not number.isdecimal() or len(number) > 7:
        raise ValidationError("Must be a whole number and s, m, h or d, such as 30s or 10m.")
    found = timedelta(seconds=int(number) * _UNITS[unit])
    if not LEAST <= found <= MOST:
        raise ValidationError(f"Must be from {LEAST.total_seconds():.0f}s to {MOST.days}d.")
    return found
