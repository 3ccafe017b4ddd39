"""What vendors call back: status callbacks, events and inbound messages, from the stand-ins to a gateway on this
machine.

A vendor knows formats only. What it reports about a call it puts into `Answer.callbacks`, and what it reports because
somebody did something (wrote STOP, complained) it returns from `HttpVendor.simulate`: `Callback`s, signed and
in the vendor's order. Making the calls is done here, beside the answers: one after the other, each tried a few times
while the gateway is away or answers 429 or 5xx. Every try is in the journal, as an entry of the vendor `callbacks` with
the vendor's name as its action. What is still to be called when the sandbox stops, or is cleared, is dropped.

A stand-in reports nothing unless it is told where: Twilio by the `StatusCallback` of a request, the others by
`Manner.to`, from which `HttpVendor.receipts_url` is made. `Sandbox.callbacks(repeat=5, shuffle=True, early=True)` or
`PUT /callbacks` sets the manner.
"""

import asyncio
import ipaddress
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from marshmallow import Schema, ValidationError, fields, post_load, validate
from yarl import URL

from crier.sandbox.journal import Entry, Journal

NAME = "callbacks"
PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds between the tries of a callback; after the last it is given up."""

_log = logging.getLogger(__name__)
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_CONNECTIONS = 16
_EARLY_LIMIT = 3.0
"""Seconds an answer waits for callbacks that go before it: less than any deadline of Crier's for the call."""


@dataclass(frozen=True, slots=True)
class Callback:
    """A call of a vendor's.

    Parameters:
        vendor: who calls.
        url: where to; nothing is sent off this machine.
        delay: seconds before it, after the one before has been answered.
        delivery, reference, recipient: what it is about, for the journal.
    """

    vendor: str
    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    delivery: str | None = None
    reference: str | None = None
    recipient: str | None = None


@dataclass(frozen=True, slots=True)
class Manner:
    """How callbacks are made.

    Parameters:
        to: the gateway's address, `http://127.0.0.1:8025`, for vendors whose calls name none; None: they do not report.
        repeat: how often each one is made.
        shuffle: those of one call to the vendor come in random order and all at once.
        delay: seconds before the first.
        early: they are made before the vendor's answer to the call is written, which waits for them for up to 3 s.
    """

    to: str | None = None
    repeat: int = 1
    shuffle: bool = False
    delay: float = 0.0
    early: bool = False


def is_local(url: str) -> bool:
    """Whether `url` names this machine, without asking anybody what a name stands for."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _local(address: str) -> None:
    if not address.startswith("http") or not is_local(address):
        raise ValidationError("must be an address on this machine, such as http://127.0.0.1:8025.")


class _MannerSchema(Schema):
    to = fields.String(allow_none=True, validate=_local)
    repeat = fields.Integer(strict=True, validate=validate.Range(1, 100))
    shuffle = fields.Boolean()
    delay = fields.Float(validate=validate.Range(min=0))
    early = fields.Boolean()

    @post_load
    def make(self, given: dict[str, Any], **_: Any) -> Manner:
        return Manner(**given)


def manner_of(given: Any) -> Manner:
    """A manner from its JSON form; what is left out has its default.

    Raises:
        ValueError: a field is unknown or has a value it cannot have; the message names it.
    """
    try:
        manner = _MannerSchema().load(given)
    except ValidationError as error:
        problems = (f"{name}: {' '.join(texts)}" for name, texts in error.normalized_messages().items())
        raise ValueError("; ".join(problems)) from None
    assert isinstance(manner, Manner)
    return manner


class Callbacks:
    """Makes the calls. Everything but `manner` belongs to the sandbox's event loop.

    Attributes:
        manner: how they are made from now on.
    """

    def __init__(self, journal: Journal) -> None:
        self.manner = Manner()
        self._journal = journal
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    @property
    def pending(self) -> int:
        """How many answers have callbacks that are not made yet."""
        return len(self._tasks)

    def show(self) -> dict[str, Any]:
        """The manner's JSON form, and `pending`."""
        return {**asdict(self.manner), "pending": self.pending}

    async def answering(self, callbacks: Sequence[Callback]) -> None:
        """Begin those of an answer that is about to be written; done with them if they are to be early."""
        if callbacks:
            task = self.post(callbacks)
            if self.manner.early:
                await asyncio.wait({task}, timeout=_EARLY_LIMIT)

    def post(self, callbacks: Sequence[Callback]) -> asyncio.Task[None]:
        """Begin to make `callbacks` in the background."""
        task = asyncio.create_task(self._make(callbacks, self.manner))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def clear(self) -> None:
        """Drop what is not made yet."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Drop what is not made yet, and close the connections."""
        await self.clear()
        if self._session is not None:
            await self._session.close()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("callbacks were not made", exc_info=error)

    async def _make(self, callbacks: Sequence[Callback], manner: Manner) -> None:
        repeated = [callback for callback in callbacks for _ in range(manner.repeat)]
        await asyncio.sleep(manner.delay)
        if manner.shuffle:
            random.shuffle(repeated)
            await asyncio.gather(*(self._call(callback) for callback in repeated))
        else:
            for callback in repeated:
                await self._call(callback)

    async def _call(self, callback: Callback) -> None:
        await asyncio.sleep(callback.delay)
        if not is_local(callback.url):
            _log.error("the sandbox calls nobody off this machine: %s is refused", callback.url)
            refused = "The sandbox calls nobody off this machine: use 127.0.0.1."
            return await self._write(callback, {"refused": refused})
        for pause in (*PAUSES, None):
            answered = await self._try(callback)
            await self._write(callback, answered)
            status = answered.get("status", 503)
            if pause is None or not (status == 429 or status >= 500):
                return None
            await asyncio.sleep(pause)
        return None

    async def _try(self, callback: Callback) -> dict[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                timeout=_TIMEOUT,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        try:
            # Exactly the URL that was signed, in every character.
            url = URL(callback.url, encoded=True)
            async with self._session.post(
                url, data=callback.body, headers=callback.headers, allow_redirects=False
            ) as answer:
                return {"status": answer.status, "headers": dict(answer.headers), "body": await answer.text()}
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return {"failed": f"{type(error).__name__}: {error}"}

    async def _write(self, callback: Callback, answered: dict[str, Any]) -> None:
        received = {
            "method": "POST",
            "path": callback.url,
            "headers": dict(callback.headers),
            "body": callback.body.decode(errors="replace"),
        }
        await self._journal.append(
            Entry(
                vendor=NAME,
                action=callback.vendor,
                received=received,
                answered=answered,
                recipient=callback.recipient,
                delivery=callback.delivery,
                reference=callback.reference,
            )
        )
