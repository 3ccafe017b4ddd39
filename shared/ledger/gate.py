"""The gate: one statement that marks as started what may be sent now, and says of the rest what becomes of it.

Whatever forbids a message or puts it off is asked here, at the last moment and in the same statement, so that no retry,
no failover and no recovery slips past it. What concerns nobody costs a comparison.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from shared.ledger import arrays
from shared.ledger.chain_ends import over
from shared.ledger.claimed import Starting
from shared.ledger.database import driver_rows
from shared.ledger.endings import recorded, returned, suppressed_because
from shared.ledger.sms_usage import uncounted
from shared.ledger.wishes import barred, may_wait, quiet, who_chooses

# What becomes of a delivery. What will be worthless when it may be sent ends now.
_VERDICT = """CASE WHEN d.expires_at <= now() THEN 'expired' WHEN w.over IS NOT NULL THEN 'cancelled'
                 WHEN w.barred IS NOT NULL THEN 'suppressed' WHEN (w.wait).until IS NULL THEN 'started'
                 WHEN d.expires_at <= (w.wait).until THEN 'expired' ELSE 'scheduled' END"""
_GOES = f"({_VERDICT}) = 'started'"
_WAITS = f"({_VERDICT}) = 'scheduled'"
_ENDS = f"({_VERDICT}) NOT IN ('started', 'scheduled')"
_DOUBT = "(d.doubt AND NOT w.cleared)"
_BARRED = barred(
    project="w.project_id", channel="w.channel", target="lower(w.target)", promotion="w.promotion",
    category="w.category", user="w.user_id", senders="b.sender IN ('', w.sender)",
)  # fmt: skip
_QUIET = quiet(
    project="w.project_id", channel="w.channel", user="w.user_id", zone="w.timezone", asked="w.may_wait"
)  # fmt: skip
# Looked up apart: an UPDATE cannot ask other tables about its own rows.
START = f"""
    WITH asked AS MATERIALIZED (
        SELECT w.id, w.fence, w.provider, w.cleared, {_BARRED} AS barred, {over("w.chain_id")} AS over, {_QUIET} AS wait
        FROM unnest(%(ids)s::uuid[], %(fences)s::int[], %(providers)s::text[], %(cleared)s::bool[], %(projects)s::int[],
                    %(channels)s::text[], %(targets)s::text[], %(promotions)s::bool[], %(senders)s::text[],
                    %(categories)s::text[], %(users)s::text[], %(zones)s::text[], %(may_wait)s::bool[],
                    %(chains)s::uuid[])
          AS w (id, fence, provider, cleared, project_id, channel, target, promotion, sender, category, user_id,
                timezone, may_wait, chain_id)),
    decided AS (
        UPDATE deliveries d
        SET state = CASE WHEN {_GOES} THEN 'started' WHEN {_DOUBT} THEN 'unknown' ELSE {_VERDICT} END,
            started_at = CASE WHEN {_GOES} THEN now() ELSE d.started_at END,
            due_at = CASE WHEN {_WAITS} THEN (w.wait).until END,
            put_off_until = CASE WHEN {_WAITS} THEN (w.wait).until ELSE d.put_off_until END,
            provider = CASE WHEN {_GOES} THEN w.provider ELSE d.provider END,
            lease_until = CASE WHEN {_GOES} THEN d.lease_until END,
            settled_at = CASE WHEN {_ENDS} THEN now() ELSE d.settled_at END,
            held_at = CASE WHEN {_ENDS} AND {_DOUBT} THEN now() END,
            doubt = {_DOUBT},
            reason = CASE WHEN {_GOES} THEN d.reason WHEN {_WAITS} THEN (w.wait).why
                WHEN {_DOUBT} THEN 'Nobody knows whether it was sent, and it must not be sent any more: it '
                    || CASE {_VERDICT} WHEN 'expired' THEN 'has expired.' WHEN 'suppressed' THEN 'is suppressed.'
                       ELSE 'is a step of a chain that has ended.' END
                WHEN d.expires_at <= now() THEN 'It expired before it could be sent.'
                WHEN w.over IS NOT NULL THEN w.over
                WHEN w.barred IS NOT NULL THEN {suppressed_because("w.barred")}
                ELSE 'It would expire before it may be sent: ' || (w.wait).why END
        FROM asked w
        WHERE d.id = w.id AND d.fence = w.fence AND d.state = 'claimed' AND d.lease_until > now()
        RETURNING {returned("d")}, d.due_at),
    deferred AS (
        INSERT INTO actions (notification_id, what, who, detail)
        SELECT notification_id, 'deferred', 'crier', reason FROM decided WHERE due_at IS NOT NULL),
    stopped AS (SELECT * FROM decided WHERE state <> 'started'),
    {uncounted("stopped")},
    {recorded("stopped")}
    SELECT id, notification_id, state, secret, held_at, ordering_key FROM decided
"""
# In a transaction that waited for a lock, the time it began has passed.
_START_LATER = START.replace("now()", "statement_timestamp()")


class Ended(NamedTuple):
    """A row of `START`: what `finish` reads."""

    id: UUID
    notification_id: UUID
    state: str
    secret: bool
    held_at: datetime | None
    ordering_key: str | None


def pass_through(connection: Connection, starting: Sequence[Starting]) -> list[Ended]:
    """The gate in a transaction of the caller's, who may have waited for a lock."""
    return [Ended(*row) for row in driver_rows(connection, _START_LATER, asked(starting))]


def asked(starting: Sequence[Starting]) -> dict[str, Any]:
    """The parameters of `START`."""
    items = [each.item for each in starting]
    return {
        "ids": arrays.uuids(item.id for item in items),
        "fences": arrays.numbers(item.fence for item in items),
        "providers": arrays.texts([each.provider for each in starting]),
        "cleared": arrays.booleans(each.cleared for each in starting),
        "projects": arrays.numbers(item.project_id for item in items),
        "channels": arrays.texts([item.channel for item in items]),
        "targets": arrays.texts([item.target for item in items]),
        "promotions": arrays.booleans(item.kind == "promotion" for item in items),
        "senders": arrays.texts([each.sender for each in starting]),
        "categories": arrays.texts([item.category for item in items]),
        "users": arrays.texts([who_chooses(item.channel, item.kind, item.recipient) for item in items]),
        "zones": arrays.texts([item.recipient.get("timezone") for item in items]),
        "may_wait": arrays.booleans(may_wait(item.channel, item.lane, item.kind) for item in items),
        "chains": arrays.texts([str(item.chain_id) if item.chain_id else None for item in items]),
    }
