"""Order: deliveries of one ordering key are sent one at a time, in the order accepted.

`ordered` holds the unfinished deliveries of each key. The first of a key may be claimed like any other; the others are
`scheduled` without a time. When the first ends, its row goes and the next has its turn. What is held as unknown keeps
its place until a person, or a receipt, decides: sending the next could mean sending out of order.

A lock makes those who accept under one key wait for each other. Whoever ends a delivery takes no lock: should it miss a
successor that is being accepted at that moment, the relay's sweep gives it its turn.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from shared.ledger.database import Database
from shared.ledger.states import FINAL, State

# Buckets, because PostgreSQL has room for some thousands of locks only, and one upload may have as many keys.
_LOCK = text("""
    SELECT pg_advisory_xact_lock(hashtext('crier.order'), bucket)
    FROM (SELECT DISTINCT abs(hashtext(:project_id || '.' || key) % 512) AS bucket
          FROM unnest(CAST(:keys AS text[])) AS key ORDER BY 1) AS each
""")
_ENQUEUE = text("""
    WITH line AS (
        INSERT INTO ordered (project_id, ordering_key, delivery_id)
        SELECT d.project_id, d.ordering_key, d.id
        FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS asked (id, place) JOIN deliveries d USING (id)
        WHERE d.ordering_key IS NOT NULL AND d.due_at IS NOT NULL
        ORDER BY asked.place
        ON CONFLICT (delivery_id) DO NOTHING
        RETURNING project_id, ordering_key, sequence, delivery_id)
    UPDATE deliveries d SET state = 'scheduled', due_at = NULL, reason = 'It waits for its turn: its ordering key.'
    FROM line
    WHERE d.id = line.delivery_id AND (
        EXISTS (SELECT FROM ordered o WHERE o.project_id = line.project_id AND o.ordering_key = line.ordering_key)
        OR EXISTS (SELECT FROM line l WHERE l.project_id = line.project_id AND l.ordering_key = line.ordering_key
                   AND l.sequence < line.sequence))
""")
_LEAVE = text("""
    WITH gone AS (DELETE FROM ordered WHERE delivery_id = ANY(:ids) RETURNING project_id, ordering_key)
    SELECT DISTINCT ON (o.project_id, o.ordering_key) o.delivery_id
    FROM ordered o JOIN (SELECT DISTINCT project_id, ordering_key FROM gone) g USING (project_id, ordering_key)
    WHERE o.delivery_id <> ALL(:ids)
    ORDER BY o.project_id, o.ordering_key, o.sequence
""")
_STRANDED = text("""
    WITH heads AS MATERIALIZED (
        SELECT DISTINCT ON (project_id, ordering_key) delivery_id FROM ordered
        ORDER BY project_id, ordering_key, sequence)
    SELECT h.delivery_id, d.id IS NULL OR d.state = ANY(:ended) AS ended
    FROM heads h LEFT JOIN deliveries d ON d.id = h.delivery_id
    WHERE d.id IS NULL OR d.state = ANY(:ended) OR (d.state = 'scheduled' AND d.due_at IS NULL)
    LIMIT 1000
""")
_PROMOTE = text("""
    UPDATE deliveries d
    SET due_at = greatest(n.send_at, now()), reason = NULL,
        state = CASE WHEN n.send_at > now() THEN 'scheduled' ELSE 'queued' END
    FROM notifications n
    WHERE d.id = ANY(:ids) AND n.id = d.notification_id AND d.state = 'scheduled' AND d.due_at IS NULL
    RETURNING d.queue
""")
_ENDED = sorted(str(state) for state in FINAL - {State.UNKNOWN})


def lock(connection: Connection, project_id: int, keys: Sequence[str]) -> None:
    """Make everybody else who accepts under one of `keys` wait for the end of this transaction."""
    connection.execute(_LOCK, {"project_id": project_id, "keys": list(keys)})


def enqueue(connection: Connection, delivery_ids: Sequence[UUID]) -> None:
    """Put deliveries that are due at the end of their keys' lines; those that are not first wait for their turn.

    The keys must be locked, and the deliveries not yet seen by anybody else, or locked too.
    """
    connection.execute(_ENQUEUE, {"ids": list(delivery_ids)})


def advance(connection: Connection, delivery_ids: Sequence[UUID]) -> list[str]:
    """Take deliveries that have ended out of their lines and give the next ones their turn; the queues to ring."""
    if not delivery_ids:
        return []
    left = connection.execute(_LEAVE, {"ids": list(delivery_ids)})
    return _promote(connection, [row.delivery_id for row in left])


def sweep(database: Database) -> list[str]:
    """Give their turn to those who were passed over; the queues to ring. The relay's."""
    with database.transaction() as connection:
        rows = connection.execute(_STRANDED, {"ended": _ENDED}).all()
        queues = advance(connection, [row.delivery_id for row in rows if row.ended])
        queues += _promote(connection, [row.delivery_id for row in rows if not row.ended])
    return sorted(set(queues))


def _promote(connection: Connection, heads: Sequence[UUID]) -> list[str]:
    if not heads:
        return []
    return sorted({row.queue for row in connection.execute(_PROMOTE, {"ids": list(heads)})})
