"""What providers' reports make of a delivery: the rules alone, without the ledger.

Of each attempt only the report of the highest rank counts, and what a delivery's state becomes depends on its attempts
and not on the order of the reports: late, repeated and shuffled ones end in the same state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.ledger.states import State
from shared.receipts.port import Kind

REPORTS: Mapping[Kind, str] = {
    Kind.ACCEPTED: "accepted",
    Kind.DELAYED: "accepted",
    Kind.DELIVERED: "delivered",
    Kind.COMPLAINED: "delivered",
    Kind.UNDELIVERED: "undelivered",
    Kind.BOUNCED_FOR_NOW: "undelivered",
}
"""What a receipt reports of its attempt, as in `attempts.receipt`; the other kinds are events and change no state."""

RANKS: Mapping[str | None, int] = {None: 0, "accepted": 1, "delivered": 2, "undelivered": 3}
"""A bounce that comes after `delivered` (RFC 3464: a server may take a mail first) is the truth."""

_TAKEN = ("sent", "delivered", "found")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A provider call as the ledger has it. `receipt` is what was reported of it."""

    fence: int
    provider: str
    outcome: str
    receipt: str | None = None
    reference: str | None = None
    started_at: datetime | None = None

    @property
    def fate(self) -> State | None:
        """What is known of it: sent, delivered, undelivered or unknown; None when it was never processed."""
        if self.receipt == "undelivered":
            return State.UNDELIVERED
        if self.receipt == "delivered" or self.outcome == "delivered":
            return State.DELIVERED
        if self.receipt == "accepted" or self.outcome in _TAKEN:
            return State.SENT
        return State.UNKNOWN if self.outcome == "unknown" else None


def attempt_of(attempts: Sequence[Attempt], provider: str, reference: str | None) -> Attempt:
    """Which of a delivery's attempts a receipt is about.

    The one of that reference; else, of that provider's, one whose reference nobody knows (its answer was lost); else
    that provider's latest; else the latest.
    """

    def likeness(attempt: Attempt) -> tuple[bool, bool, bool, int]:
        return (
            reference is not None and attempt.reference == reference,
            attempt.provider == provider,
            reference is not None and attempt.reference is None,
            attempt.fence,
        )

    return max(attempts, key=likeness)


def verdict(state: State, attempts: Sequence[Attempt], *, doubt: bool) -> State:
    """The state of a delivery that is not being sent right now, after what was reported of its attempts.

    Delivered when any attempt was; else what the latest attempt that was processed says. What waits to be sent again,
    not because of a doubt, goes on waiting: only a delivery ends that.
    """
    fates = [attempt.fate for attempt in sorted(attempts, key=lambda one: one.fence) if attempt.fate]
    if State.DELIVERED in fates:
        return State.DELIVERED
    waits = state in (State.SCHEDULED, State.QUEUED, State.CLAIMED) and not doubt
    if waits or not fates:
        return state
    if fates[-1] is State.UNKNOWN and state is not State.DELIVERED:
        return state
    return fates[-1]


def is_first(attempt: Attempt, attempts: Sequence[Attempt]) -> bool:
    """Whether nothing was or may have been sent before `attempt`, nor tried after it."""
    before = [one for one in attempts if one.fence < attempt.fence and one.outcome in (*_TAKEN, "unknown")]
    return not before and attempt.fence == max(one.fence for one in attempts)
