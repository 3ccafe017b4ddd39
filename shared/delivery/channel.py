"""A channel, as the delivery loop sees it: what makes a message of a claimed delivery, and where it is sent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.ledger.work import Claimed
from shared.messages.content import Content
from shared.providers.route import Route

Compose = Callable[[Claimed, Content], Any]


@dataclass(frozen=True)
class Channel:
    """Email, SMS, push: what differs between them.

    Parameters:
        compose: makes the provider's message; raises `Rejected` when there is none to be made (too long, …).
        route: the providers, in order.
    """

    name: str
    compose: Compose
    route: Route[Any]
