"""A source of receipts: a provider that calls us. It verifies who calls, splits a call into events, and reads an event.

Reading is apart from verifying because events are stored as they came and read later, perhaps by a newer version.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from shared.errors import CrierError


class Kind(StrEnum):
    """What a receipt says. The column `receipts.kind` holds these words."""

    ACCEPTED = "accepted"
    """The provider has it. Settles a doubt, and nothing else."""
    DELAYED = "delayed"
    """Not yet; the provider goes on trying."""
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    """It did not arrive, for good."""
    BOUNCED_FOR_NOW = "bounced_for_now"
    """It did not arrive and the provider has given up, but another message may: the mailbox is full, …"""
    OPENED = "opened"
    CLICKED = "clicked"
    COMPLAINED = "complained"
    """The person said it was spam. It did arrive."""
    UNSUBSCRIBED = "unsubscribed"
    RESUBSCRIBED = "resubscribed"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A provider's call, as it was received.

    Parameters:
        url: the address it called, public, with its query.
        headers: names are case-insensitive.
        now: seconds since 1970, for schemes that sign a time.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes
    now: float


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a call.

    Parameters:
        event_id: the provider's id of it, or one made of what it says where the provider has none: the same for the
            same event however often it is reported, another for another.
        body: the event as it came, as JSON.
    """

    event_id: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an event means to us.

    Parameters:
        delivery_id: which delivery, where the provider gives our id back.
        reference: the provider's own id of the message (`attempts.reference`), where it does not.
        target: the address or number it is about; all there is where somebody wrote STOP.
        channel: of the target, where the provider reports about several and nothing else says which; None otherwise.
        code: the provider's code. detail: its words.
        suppress: why the target must not be written to from now on (`bounce`, `complaint`, `opt-out`, `invalid`).
        retry_after: seconds after which it is worth another try, where the provider's table says so.
    """

    kind: Kind
    occurred_at: datetime | None = None
    delivery_id: UUID | None = None
    reference: str | None = None
    target: str | None = None
    code: str | None = None
    detail: str = ""
    suppress: str | None = None
    retry_after: float | None = None
    channel: str | None = None


class Forged(CrierError):
    """Not from the provider: no signature, a wrong one, or one that is too old. The text is for the log only."""


class Source(Protocol):
    """A provider that reports.

    Attributes:
        name: the provider's, as in routes and in the address `/v1/receipts/<name>`.
        channels: those it reports about, e.g. `("sms", "whatsapp")`.
    """

    name: str
    channels: Sequence[str]

    def events(self, incoming: Incoming) -> Sequence[Event]:
        """The events of a call; none where it is for the connection only (a confirmation, a ping).

        Raises:
            Forged: it does not come from the provider.
            InvalidInput: it does, and cannot be read.
        """
        ...

    def read(self, body: Mapping[str, Any]) -> Receipt | None:
        """What a stored event means; None where it means nothing to us. Never raises for what a provider may say."""
        ...
