"""How a stand-in can be told to behave: which calls, what happens to them, how often.

Without a rule a stand-in answers as its vendor documents. A rule is told by `Sandbox.behave`, by
`PUT /behaviour/{vendor}`, or by writing to one of the vendor's magic recipients (see each vendor's module).
"""

import fnmatch
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from enum import StrEnum
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate, validates_schema


class Fault(StrEnum):
    """What happens to an answer on its way. `Behaviour.accepts` says whether the vendor took the message
    first."""

    HANG = "hang"
    """Not a byte, and the connection stays open."""
    DRIP = "drip"
    """A byte at a time, `Behaviour.pause` seconds apart: no single read ever times out."""
    CLOSE = "close"
    """The connection ends cleanly before the first byte."""
    HALF_CLOSE = "half-close"
    """Only the server's direction ends; the connection stays open."""
    RESET = "reset"
    """TCP reset before the first byte."""
    HALF = "half"
    """The connection ends after half of the answer's bytes."""
    TRUNCATE = "truncate"
    """A complete answer whose body (SMTP: text) is cut in half, with a length to match."""
    HUGE = "huge"
    """The answer padded to 10 MB."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A rule: the calls it applies to and what happens to them.

    Parameters:
        recipient: shell pattern over the recipient (`+1555*`, `*@example.com`); `*` also matches calls
            without one.
        stage: the step it applies to. HTTP vendors: `send` (the default), `token`, `look-up`, as each
            documents. SMTP: `connect`, `ehlo`, `auth`, `mail`, `rcpt`, `data`, `message` (after the final
            dot); by default `rcpt` where there is an `error`, else `message`.
        times: how many calls it applies to; `None` means until reset.
        error: a documented error by the vendor's code or name (`21610`, `UNREGISTERED`, `550 5.1.1`).
        status: a raw HTTP status instead of a documented error.
        body: the body that goes with `status`.
        retry_after: seconds for a `Retry-After` header.
        delay: seconds before the answer.
        fault: what happens to the answer on its way.
        pause: seconds between bytes when the answer drips.
        accepts: whether the vendor takes the message before the fault; an error takes nothing either way.
    """

    recipient: str = "*"
    stage: str | None = None
    times: int | None = None
    error: str | None = None
    status: int | None = None
    body: str | None = None
    retry_after: float | None = None
    delay: float = 0.0
    fault: Fault | None = None
    pause: float = 1.0
    accepts: bool = True

    def applies(self, stage: str, recipient: str | None) -> bool:
        """Whether this rule is about a call at `stage` to `recipient`."""
        return self.stage == stage and (
            self.recipient == "*" or (recipient is not None and fnmatch.fnmatchcase(recipient, self.recipient))
        )

    def describe(self) -> dict[str, Any]:
        """The fields that differ from their defaults, for the journal and `GET /behaviour`."""
        return {f.name: value for f in dataclass_fields(self) if (value := getattr(self, f.name)) != f.default}


class BehaviourSchema(Schema):
    """A rule's JSON form."""

    recipient = fields.String(validate=validate.Length(min=1))
    stage = fields.String()
    times = fields.Integer(strict=True, validate=validate.Range(min=1))
    error = fields.String()
    status = fields.Integer(strict=True, validate=validate.Range(200, 599))
    body = fields.String()
    retry_after = fields.Float(validate=validate.Range(min=0))
    delay = fields.Float(validate=validate.Range(min=0))
    fault = fields.Enum(Fault, by_value=True)
    pause = fields.Float(validate=validate.Range(min=0))
    accepts = fields.Boolean()

    @pre_load
    def as_text(self, rule: Any, **_: Any) -> dict[str, Any]:
        """Let a code be written as a number, and what is `null` be left out."""
        if not isinstance(rule, Mapping):
            raise ValidationError(f"must be an object with some of {', '.join(self.fields)}.", "rule")
        given = {name: value for name, value in rule.items() if value is not None}
        return {**given, "error": str(given["error"])} if "error" in given else given

    @validates_schema
    def one_answer(self, rule: Mapping[str, Any], **_: Any) -> None:
        """An error is an answer, and so is a status."""
        if "error" in rule and "status" in rule:
            raise ValidationError("Give error or status, not both.", "status")

    @post_load
    def make(self, rule: dict[str, Any], **_: Any) -> Behaviour:
        """The rule itself."""
        return Behaviour(**rule)


_SCHEMA = BehaviourSchema()


def parse(rule: Any) -> Behaviour:
    """A rule from its JSON form.

    Raises:
        ValueError: a field is unknown or has a value it cannot have; the message names it.
    """
    try:
        behaviour = _SCHEMA.load(rule)
    except ValidationError as error:
        raise ValueError("; ".join(f"{name}: {' '.join(texts)}" for name, texts in _problems(error))) from None
    assert isinstance(behaviour, Behaviour)
    return behaviour


def _problems(error: ValidationError) -> Iterable[tuple[str, list[str]]]:
    assert isinstance(error.messages, dict)
    return error.messages.items()


class Rules:
    """The rules in force for one vendor. The first that matches applies; safe to change from any thread."""

    def __init__(self) -> None:
        self._rules: list[Behaviour] = []
        self._lock = threading.Lock()

    def add(self, rule: Behaviour) -> None:
        """Put `rule` before those there are."""
        with self._lock:
            self._rules.insert(0, rule)

    def set(self, rules: Sequence[Behaviour]) -> None:
        """Let `rules` be all there are, the first first."""
        with self._lock:
            self._rules = list(rules)

    def take(self, stage: str, recipient: str | None) -> Behaviour | None:
        """The rule for this call, counted down if it applies to a number of calls; `None` means answer
        normally."""
        if not self._rules:
            return None
        with self._lock:
            for index, rule in enumerate(self._rules):
                if rule.applies(stage, recipient):
                    if rule.times is not None:
                        left = replace(rule, times=rule.times - 1)
                        self._rules[index : index + 1] = [left] if left.times else []
                    return rule
        return None

    def show(self) -> list[dict[str, Any]]:
        """The rules in force, as their JSON form."""
        with self._lock:
            return [rule.describe() for rule in self._rules]
