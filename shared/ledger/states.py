"""The states of a delivery. `docs/architecture.md` draws the moves between them."""

from collections.abc import Iterable
from enum import StrEnum


class State(StrEnum):
    """Where a delivery is. The column `deliveries.state` holds these words."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    CLAIMED = "claimed"
    STARTED = "started"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"


LIVE = frozenset({State.SCHEDULED, State.QUEUED, State.CLAIMED, State.STARTED})
"""Crier will still do something about these."""

FINAL = frozenset(State) - LIVE
"""Nothing more happens by itself; `unknown` here means held for a person."""

_FOLD = (
    State.STARTED, State.CLAIMED, State.QUEUED, State.SCHEDULED, State.UNKNOWN, State.DELIVERED, State.SENT,
    State.UNDELIVERED, State.FAILED, State.EXPIRED, State.SUPPRESSED, State.CANCELLED,
)  # fmt: skip


def fold(states: Iterable[State]) -> State:
    """A notification's state from its deliveries': what is still going on, else doubt, else the best that happened."""
    present = set(states)
    return next(state for state in _FOLD if state in present)
