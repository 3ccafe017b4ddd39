"""Stopping what of chains waits to be sent."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import Connection, text

from shared.ledger.endings import finish, recorded, returned

# Those that somebody is at this moment at are passed over, so that nobody waits for anybody: the gate stops them.
_STOP = text(f"""
    WITH waiting AS MATERIALIZED (
        SELECT d.id, w.reason
        FROM deliveries d JOIN unnest(CAST(:ids AS uuid[]), CAST(:reasons AS text[])) AS w (id, reason)
          ON w.id = d.chain_id
        WHERE d.chain_id = ANY(:ids)
          AND (d.state IN ('scheduled', 'queued', 'claimed') OR (d.state = 'unknown' AND d.due_at IS NOT NULL))
        ORDER BY d.id FOR UPDATE OF d SKIP LOCKED),
    stopped AS (
        UPDATE deliveries d
        SET state = CASE WHEN d.doubt THEN 'unknown' ELSE 'cancelled' END, due_at = NULL, lease_until = NULL,
            held_at = CASE WHEN d.doubt THEN now() END, settled_at = now(),
            reason = CASE WHEN d.doubt THEN 'Nobody knows whether it was sent. ' ELSE '' END || w.reason
        FROM waiting w WHERE d.id = w.id
        RETURNING {returned("d")}),
    {recorded("stopped")}
    SELECT id, notification_id, state, secret, held_at, ordering_key FROM stopped
""")


def stop(connection: Connection, reasons: Mapping[UUID, str]) -> int:
    """Cancel what of these chains waits to be sent, each for its reason; how many deliveries.

    In a transaction of the caller's, which ends the chains too.
    """
    if not reasons:
        return 0
    rows = connection.execute(_STOP, {"ids": list(reasons), "reasons": list(reasons.values())}).all()
    finish(connection, rows)
    return len(rows)
