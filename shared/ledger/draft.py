"""What acceptance is given: notifications that were checked, and the promise that a request is the same as before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.crypto import Sealed


@dataclass(frozen=True, slots=True)
class Draft:
    """One notification, checked and ready to be accepted.

    Parameters:
        targets: addresses, numbers or device tokens; a delivery each.
        secret: variables that must not be stored readable, already sealed.
        row: its line in an upload, from 1.
        ordering_key: those that share it are sent one at a time, in the order accepted.
        category: what kind of news it is, which people may not want.
        chain_id: the chain it is a step of.
        digest: it collects what is to be sent together.
    """

    id: UUID
    channel: str
    lane: str
    kind: str
    recipient: Mapping[str, Any]
    targets: Sequence[str]
    on_unknown: str
    template_id: int | None = None
    data: Mapping[str, Any] | None = None
    content: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None
    secret: Sealed | None = None
    row: int | None = None
    ordering_key: str | None = None
    category: str | None = None
    chain_id: UUID | None = None
    digest: bool | None = None

    @property
    def queue(self) -> str:
        """Where its deliveries wait, e.g. `sms.critical`."""
        return f"{self.channel}.{self.lane}"


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's promise that requests under this key are one and the same.

    Parameters:
        request_hash: SHA-256 of the canonical request.
        response: what the first caller is answered, and so everyone after.
    """

    key: str
    request_hash: bytes
    response: Mapping[str, Any]
