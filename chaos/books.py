"""Reconciliation: everything accepted, against what the ledger says of it and what the witness received."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Set

from sqlalchemy import text

from chaos.seen import Books
from shared.ledger.database import Database

_DELIVERIES = text("""
    SELECT target, state, due_at IS NULL AND lease_until IS NULL AS ended FROM deliveries
""")
_TAKEN = {"sent", "delivered", "undelivered"}


def reconcile(accepted: Mapping[str, Set[str]], database: Database, taken: Counter[str]) -> Books:
    """The books of a row.

    Parameters:
        accepted: targets promised to, with the ids that were answered for them (none where that was not asked).
        taken: messages the witness took, by target.
    """
    rows = defaultdict(list)
    for row in database.rows(_DELIVERIES):
        rows[row.target].append(row)
    lost = [
        target
        for target in accepted
        if not rows[target]
        or any(not row.ended for row in rows[target])
        or (not taken[target] and any(row.state in _TAKEN for row in rows[target]))
    ]
    return Books(
        accepted=len(accepted),
        delivered=len(accepted.keys() & taken.keys()),
        lost=lost,
        duplicated={target: count for target, count in taken.items() if count > 1},
        doubled=[target for target, ids in accepted.items() if len(ids) > 1 or len(rows[target]) > 1],
        held=sum(row.state == "unknown" for found in rows.values() for row in found),
        states=Counter(row.state for found in rows.values() for row in found),
    )
