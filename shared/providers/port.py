"""The provider port. One message in, one answer out.

An adapter holds only what its vendor knows: the payload, the table of codes, the parsing of answers. It does not
retry, read the environment, or loop; deadlines, failover and accounting belong to the delivery loop.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

M = TypeVar("M", contravariant=True)

CONNECT_TIMEOUT = 4.0
"""Seconds. Less than the shortest deadline of a call (5 s on `critical`), lest a host that is down look ambiguous."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took the message.

    Parameters:
        reference: the provider's own id for it, by which a receipt or a look-up finds it.
        detail: a short note for the timeline, e.g. `250 2.0.0 Ok: queued as 4Xy…`.
        delivered: the provider's answer already is the final one (outbox, in-app); there will be no receipt.
    """

    reference: str | None = None
    detail: str = ""
    delivered: bool = False


class Found(StrEnum):
    """What a look-up says of a call whose outcome nobody knows."""

    SENT = "sent"
    """The provider has it: it is not sent again."""
    ABSENT = "absent"
    """The provider is sure that it does not have it: it may be sent again, even under hold."""
    UNCLEAR = "unclear"
    """It cannot tell, or cannot be asked: the notification's policy decides."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """What a look-up found. `reference` is the provider's own id where it has the message; `detail` is for people."""

    found: Found
    reference: str | None = None
    detail: str = ""


class FindsMessages(Protocol[M]):
    """A provider that can be asked later whether it took a message.

    Attributes:
        find_after: seconds after the call from which its answer can be relied on.
    """

    find_after: float

    async def find(self, message: M, asked_at: datetime, ago: float) -> LookUp:
        """Whether the call for `message` that was begun at `asked_at` was processed. Never sends anything.

        `ago` is how many seconds that is, by the ledger's clock, as `asked_at` is: the worker's own may be wrong.

        A call to the provider, on the event loop, with the deadline of any other. May raise `SendError` where the
        provider says nothing, or nothing yet: it may be asked again, and is unclear for as long.
        """
        ...


class Provider(Protocol[M]):
    """A vendor adapter for one channel.

    Attributes:
        name: as routes, settings and timelines write it, e.g. `twilio`.
        concurrency: how many sends one process may have open at once; the delivery loop starts no more.
        idempotent: optional, see `is_idempotent`.

    Optional besides: the methods of `FindsMessages`, and `destination(message) -> str`: the mail domain or host that
    has a breaker of its own, counted by errors that blame it.
    """

    name: str
    concurrency: int

    async def send(self, message: M) -> Sent:
        """Send one message. Runs on the process's event loop and must not block it.

        Raises:
            Rejected: refused for good.
            Unavailable: known not to have been processed.
            Ambiguous: the request may have been processed.
        """
        ...

    async def close(self) -> None:
        """Close pooled connections; called once, when the process stops."""
        ...


def is_idempotent(provider: Provider[Any]) -> bool:
    """Whether the vendor answers a repeated send of a delivery as it did the first, and sends nothing twice.

    An adapter says so with `idempotent = True`, where its calls carry a key that the vendor documents and that is the
    same at every try of a delivery. What is in doubt is then tried again, whatever the notification wants done with
    doubts: they are about sending twice. Only the same vendor knows the key, so doubt is never a reason to try another.
    """
    return bool(getattr(provider, "idempotent", False))
