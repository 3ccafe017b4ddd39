"""A channel, as the delivery loop sees it: what makes a message of a claimed delivery, and where it is sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.errors import SendError
from shared.ledger.work import Claimed
from shared.messages.content import Content
from shared.providers.route import Route

Compose = Callable[[Claimed, Content], Any]
Admit = Callable[[Sequence[tuple[Claimed, Any]]], Mapping[UUID, SendError]]


def admit_all(ready: Sequence[tuple[Claimed, Any]]) -> Mapping[UUID, SendError]:
    """The rule of a channel that has none: everybody may be sent to."""
    return {}


@dataclass(frozen=True)
class Channel:
    """Email, SMS, WhatsApp, push: what differs between them.

    Parameters:
        compose: makes the provider's message; raises `Rejected` when there is none to be made (too long, …).
        route: the providers, in order.
        admit: asked once for a batch before it is started, with what compose made: whom not to send to (now), and why.
            May raise `LedgerUnavailable`; then the batch is given back.
    """

    name: str
    compose: Compose
    route: Route[Any]
    admit: Admit = admit_all
