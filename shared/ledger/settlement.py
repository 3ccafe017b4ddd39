"""What became of a call, and whose message it was that a look-up found."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from shared.ledger.states import State

# Two that look for the same message at once must not both have it.
_LOCK_FOUND = text("SELECT pg_advisory_xact_lock(hashtext('crier.found'))")
_TAKEN = text("""
    SELECT DISTINCT w.id
    FROM unnest(CAST(:ids AS uuid[]), CAST(:fences AS int[]), CAST(:references AS text[])) AS w (id, fence, reference)
    JOIN attempts a ON a.reference = w.reference
     AND (a.delivery_id <> w.id OR (a.fence <> w.fence AND a.outcome IN ('sent', 'delivered', 'found')))
""")
FOUND = "found"
_NOT_ITS_OWN: dict[str, Any] = {
    "state": State.UNKNOWN,
    "outcome": "unknown",
    "held": True,
    "reference": None,
    "detail": "The provider has one message like this, which may be an earlier one with the same words.",
}


class Settlement(NamedTuple):
    """What became of one call.

    Parameters:
        state: where the delivery goes; `queued`, and `unknown` that is not held, with `delay` seconds to wait.
        outcome: the attempt's word: sent, delivered, rejected, unavailable, waiting, unknown or found.
        counts: whether it uses up one of the delivery's attempts.
        target_is_dead: the device it went to no longer exists and is forgotten.
        held: `unknown`, and waits for a person.
        why: of a dead letter, where the outcome does not say it: poison, not-composed, limit.
        suppress: why its target must not be written to from now on: invalid, opt-out.
        sender: by whom not; empty for everybody.
        suspect: workers had died holding it, so that others may have waited for it to be settled.
    """

    id: UUID
    fence: int
    state: State
    outcome: str
    provider: str
    delay: float = 0.0
    counts: bool = True
    code: str | None = None
    detail: str | None = None
    reference: str | None = None
    target_is_dead: bool = False
    held: bool = False
    why: str | None = None
    suppress: str | None = None
    sender: str = ""
    suspect: bool = False


def each_its_own(connection: Connection, settlements: Sequence[Settlement]) -> Sequence[Settlement]:
    """`settlements`, those held whose message was found and is another delivery's, or that of an earlier call.

    Some vendors know a message by nothing but its words, its recipient and its time.
    """
    found = [item for item in settlements if item.outcome == FOUND and item.reference]
    if not found:
        return settlements
    connection.execute(_LOCK_FOUND)
    asked = {
        "ids": [item.id for item in found],
        "fences": [item.fence for item in found],
        "references": [item.reference for item in found],
    }
    taken = {row.id for row in connection.execute(_TAKEN, asked)}
    seen: set[tuple[str, str | None]] = set()
    for item in found:
        if (item.provider, item.reference) in seen:
            taken.add(item.id)
        seen.add((item.provider, item.reference))
    return [item._replace(**_NOT_ITS_OWN) if item.id in taken else item for item in settlements]
