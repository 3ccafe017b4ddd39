"""What an HTTP stand-in is: routes that turn a call into the answer its vendor documents.

A vendor is a module or a folder with one class that derives from `HttpVendor`, and a line in `crier.sandbox.vendors`.
It knows formats only: connections, rules, the journal and faults are `crier.sandbox.exchange`'s.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs
from uuid import UUID

import orjson

from crier.sandbox.behaviour import Behaviour
from crier.sandbox.callbacks import Callback
from crier.sandbox.journal import Entry
from crier.sandbox.preview import Preview

_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """An HTTP request as it was received.

    Parameters:
        target: path and query as they were written.
        path: the path alone, decoded.
        parameters: the named parts of the path.
        query: the first value of each query parameter.
        headers: by lower-case name; several of one name joined with commas.
    """

    method: str
    target: str
    path: str
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def form(self) -> Mapping[str, str]:
        """The last value of each field of an `application/x-www-form-urlencoded` body."""
        fields = parse_qs(self.body.decode(errors="replace"), keep_blank_values=True)
        return {name: values[-1] for name, values in fields.items()}

    @cached_property
    def json(self) -> Any:
        """The body as JSON, or `None` if it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the vendor answers.

    Parameters:
        accepted: the message is taken; this is what the demo and the fault tests count.
        reference: the vendor's id for what was taken.
        code: the vendor's own code for the error it is.
        callbacks: what the vendor reports about it, in its order.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    accepted: bool = False
    reference: str | None = None
    code: str | None = None
    callbacks: Sequence[Callback] = ()


def json_answer(
    status: int,
    body: object,
    *,
    accepted: bool = False,
    reference: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
    callbacks: Sequence[Callback] = (),
) -> Answer:
    """An `Answer` of JSON."""
    named = {"Content-Type": "application/json", **(headers or {})}
    return Answer(status, orjson.dumps(body), named, accepted, reference, code, callbacks)


def find_delivery(*texts: str | None) -> str | None:
    """The first UUID in `texts`, as Crier writes delivery ids."""
    for text in texts:
        if text and (match := _UUID.search(text)):
            return str(UUID(match[0]))
    return None


def no_recipient(_: Call) -> str | None:
    """The recipient of a call that has none."""
    return None


@dataclass(frozen=True, slots=True)
class Route:
    """A method and path (aiohttp's syntax) and what it answers; `stage` is how rules and the journal name
    it."""

    method: str
    path: str
    stage: str
    answer: Callable[[Call], Answer]
    recipient: Callable[[Call], str | None] = no_recipient


class HttpVendor:
    """Base of the HTTP stand-ins.

    Parameters:
        folder: where files its clients need are put.
        base_url: where it is reached, without a slash at the end.

    Attributes:
        gateway: where the gateway is that it is to report to (`Manner.to` of `crier.sandbox.callbacks`).
    """

    name: ClassVar[str]
    errors: ClassVar[Sequence[str]]
    """Codes or names of the documented errors it can be told to answer with."""
    stages: ClassVar[Sequence[str]] = ("send",)
    """The stages of its routes; the first is the sending of a message."""
    events: ClassVar[Sequence[str]] = ()
    """What `simulate` can do."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self.folder = folder
        self.base_url = base_url
        self.gateway: str | None = None

    @property
    def receipts_url(self) -> str | None:
        """Where it reports to, if it was told."""
        return f"{self.gateway.rstrip('/')}/v1/receipts/{self.name}" if self.gateway else None

    def routes(self) -> Sequence[Route]:
        """The calls it understands."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """The settings that point Crier at it."""
        raise NotImplementedError

    def admit(self, rule: Behaviour) -> Behaviour:
        """`rule` with its stage filled in.

        Raises:
            ValueError: this vendor has no such error or stage; the message names those it has.
        """
        stage = rule.stage or self.stages[0]
        if stage not in self.stages:
            raise ValueError(f"stage: {self.name} has {', '.join(self.stages)}; not {stage!r}")
        if rule.error is not None and rule.error not in self.errors:
            raise ValueError(f"error: {self.name} documents {', '.join(self.errors)}; not {rule.error!r}")
        return replace(rule, stage=stage)

    def error(self, name: str, call: Call) -> Answer:
        """The documented error `name` (one of `errors`) as the answer to `call`."""
        raise NotImplementedError

    def authorised(self, call: Call) -> bool:
        """Whether `call` comes from the account; to others magic recipients mean nothing."""
        return True

    def magic(self, recipient: str) -> Behaviour | None:
        """What its magic recipients stand for."""
        return None

    def delivery(self, call: Call) -> str | None:
        """Crier's delivery id, where the vendor's call can carry it."""
        return None

    def preview(self, entry: Entry) -> Preview:
        """What was sent, for a person to look at."""
        return Preview()

    def simulate(self, event: str, details: Mapping[str, str]) -> Sequence[Callback]:
        """What it reports when `event` (one of `events`) happens: somebody wrote STOP, complained, …

        Raises:
            ValueError: the details do not say enough; the message names what is missing.
        """
        raise NotImplementedError

    def remember(self, entry: Entry) -> None:
        """See an entry of an earlier run, so that a look-up still finds what was sent then."""

    def forget(self) -> None:
        """Drop what was remembered."""
