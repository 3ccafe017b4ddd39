"""Deliveries as a worker holds them: what it has claimed, and what it is about to send."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from shared.crypto import Sealed


class Claimed(NamedTuple):
    """A delivery this worker holds until its lease ends.

    Parameters:
        attempts: calls that counted so far. `deaths`: workers that died holding it.
        expires_in: seconds until it is worthless, by the database's clock at the claim. `age`: seconds since
            it was accepted, or was to be sent.
        doubt: nobody knows what became of the last call. provider, started_at: whom it went to, and when.
        started_ago: seconds since then, by the database's clock.
        category, chain_id, digest: see `Draft`.
    """

    id: UUID
    notification_id: UUID
    project_id: int
    fence: int
    attempts: int
    deaths: int
    hold: bool
    target: str
    channel: str
    lane: str
    kind: str
    template_id: int | None
    recipient: Mapping[str, Any]
    data: Mapping[str, Any] | None
    content: Mapping[str, Any] | None
    expires_in: float | None
    age: float
    doubt: bool = False
    provider: str | None = None
    started_at: datetime | None = None
    started_ago: float | None = None
    category: str | None = None
    chain_id: UUID | None = None
    digest: bool | None = None
    sealed: Sealed | None = None


class Starting(NamedTuple):
    """A delivery that is about to be sent.

    Parameters:
        sender: who it comes from, where the message says so: some recipients do not want to hear from some senders.
        cleared: the doubt about it is settled: a look-up is sure that it was not sent.
    """

    item: Claimed
    provider: str
    sender: str = ""
    cleared: bool = False
