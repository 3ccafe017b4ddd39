"""The provider port. One message in, one answer out.

An adapter holds only what its vendor knows: the payload, the table of codes, the parsing of answers. It does not
retry, read the environment, or loop; deadlines, failover and accounting belong to the delivery loop.
"""

from dataclasses import dataclass
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


class Provider(Protocol[M]):
    """A vendor adapter for one channel.

    Attributes:
        name: as routes, settings and timelines write it, e.g. `twilio`.
        concurrency: how many sends one process may have open at once; the delivery loop starts no more.
        idempotent: optional, see `is_idempotent`.
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
