"""What keeps the ledger moving whatever dies: due queues found, leases reaped, the expired ended. The relay's side."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.ledger.database import Database
from shared.ledger.endings import finish, recorded, returned
from shared.ledger.states import State

SOLO_DEATHS = 3
"""Workers that may die holding a delivery alone before it is a dead letter. Two deaths in company came before."""

_DUE = text("""
    SELECT DISTINCT queue FROM (
        SELECT s.queue FROM streams s
        WHERE s.paused_at IS NULL AND EXISTS (
            SELECT FROM deliveries d WHERE d.stream_id = s.id AND d.due_at <= now() AND d.deaths = 0)
        UNION ALL
        SELECT d.queue FROM deliveries d
        WHERE d.due_at <= now() AND d.deaths > 0
          AND NOT EXISTS (SELECT FROM streams s WHERE s.id = d.stream_id AND s.paused_at IS NOT NULL)) due
""")
# After a restart of PostgreSQL every lease looks expired, while workers still hold answers they could not write.
_REAP = text(f"""
    WITH lost AS MATERIALIZED (
        SELECT id, state AS was FROM deliveries
        WHERE lease_until < now() AND pg_postmaster_start_time() < now() - make_interval(secs => :patience)
        ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED),
    moved AS (
        UPDATE deliveries d
        SET state = verdict.state, deaths = d.deaths + 1, lease_until = NULL,
            attempts = d.attempts + (lost.was = 'started')::int,
            due_at = CASE WHEN verdict.state IN ('queued', 'unknown') AND NOT verdict.held THEN now() END,
            held_at = CASE WHEN verdict.held THEN now() END,
            doubt = d.doubt OR lost.was = 'started',
            settled_at = now(),
            reason = CASE
                WHEN verdict.held
                THEN 'Every worker that took it died, and nobody knows whether it was sent: it is held for a person.'
                WHEN verdict.state = 'failed' AND (d.doubt OR lost.was = 'started')
                THEN 'Every worker that took it died. It may have been sent. It is set aside as a dead letter.'
                WHEN verdict.state = 'failed' THEN 'Every worker that took it died: it is set aside as a dead letter.'
                WHEN lost.was = 'started' THEN 'The worker died during the call: nobody knows whether it was sent.'
                ELSE 'The worker that held it died.' END
        FROM lost JOIN deliveries before USING (id),
             LATERAL (
                 SELECT before.deaths > :solo_deaths AS poison, lost.was = 'started' OR before.doubt AS doubt) found,
             LATERAL (SELECT poison AND found.doubt AND before.hold AS held) kept,
             LATERAL (SELECT held, CASE WHEN poison AND NOT held THEN 'failed'
                                        WHEN found.doubt THEN 'unknown'
                                        ELSE 'queued' END AS state) verdict
        WHERE d.id = lost.id
        RETURNING {returned("d")}, d.fence, d.started_at, lost.was),
    written AS (
        INSERT INTO attempts (delivery_id, fence, provider, started_at, outcome, detail)
        SELECT id, fence, provider, started_at, 'unknown', 'The worker died during the call.'
        FROM moved WHERE was = 'started'
        ON CONFLICT DO NOTHING),
    {recorded("moved", why="'poison'")}
    SELECT id, notification_id, state, secret, held_at, ordering_key, queue, was FROM moved
""")
# What is in doubt does not expire: nobody knows whether it arrived in time. The gate holds it for a person.
_EXPIRE = text(f"""
    WITH past AS MATERIALIZED (
        SELECT id FROM deliveries WHERE due_at IS NOT NULL AND expires_at <= now() AND NOT doubt
        ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED),
    ended AS (
        UPDATE deliveries d
        SET state = 'expired', due_at = NULL, settled_at = now(), reason = 'It expired before it could be sent.'
        FROM past WHERE d.id = past.id
        RETURNING {returned("d")}),
    {recorded("ended")}
    SELECT id, notification_id, state, secret, held_at, ordering_key FROM ended
""")
# Those that wait for their turn are due at no time, and may wait long for one that is held.
_EXPIRE_IN_LINE = text(f"""
    WITH past AS MATERIALIZED (
        SELECT d.id FROM ordered o JOIN deliveries d ON d.id = o.delivery_id
        WHERE d.state = 'scheduled' AND d.due_at IS NULL AND d.expires_at <= now() AND NOT d.doubt
        ORDER BY d.id LIMIT 1000 FOR UPDATE OF d SKIP LOCKED),
    ended AS (
        UPDATE deliveries d
        SET state = 'expired', settled_at = now(), reason = 'It expired while it waited for its turn.'
        FROM past WHERE d.id = past.id
        RETURNING {returned("d")}),
    {recorded("ended")}
    SELECT id, notification_id, state, secret, held_at, ordering_key FROM ended
""")
_LANES = text("""
    SELECT s.queue, sum(w.depth)::int AS depth, max(w.age)::float AS oldest_age
    FROM streams s CROSS JOIN LATERAL (
        SELECT count(*) AS depth, extract(epoch FROM now() - min(due_at)) AS age
        FROM (SELECT due_at FROM deliveries d
              WHERE d.stream_id = s.id AND d.due_at <= now() AND d.deaths = 0 AND s.paused_at IS NULL
              ORDER BY due_at LIMIT :most) waiting) w
    GROUP BY s.queue ORDER BY s.queue
""")
# Whatever may come back to a stream keeps it: what is due, held by a worker, or waits for its turn.
_DONE_WITH = """
    NOT EXISTS (SELECT FROM deliveries d WHERE d.stream_id = s.id AND d.due_at IS NOT NULL AND d.deaths = 0)
    AND NOT EXISTS (
        SELECT FROM deliveries d
        WHERE d.queue = s.queue AND d.stream_id = s.id AND d.due_at IS NOT NULL AND d.deaths > 0)
    AND NOT EXISTS (SELECT FROM deliveries d WHERE d.lease_until IS NOT NULL AND d.stream_id = s.id)
    AND NOT EXISTS (SELECT FROM ordered o JOIN deliveries d ON d.id = o.delivery_id WHERE d.stream_id = s.id)
"""
# Locked first and looked at again then: somebody who sends again by hand may have been about to use it.
_CLOSEABLE = text(f"""
    SELECT s.id FROM streams s JOIN batches b ON b.id = s.batch_id
    WHERE b.closed_at < now() - interval '1 hour' AND s.paused_at IS NULL AND {_DONE_WITH} FOR UPDATE OF s SKIP LOCKED
""")
_CLOSE = text(f"DELETE FROM streams s WHERE s.id = ANY(:ids) AND {_DONE_WITH}")


@dataclass(frozen=True, slots=True)
class Reaped:
    """A delivery whose lease ended: `was` claimed or started, and is now queued, unknown or failed."""

    id: UUID
    queue: str
    was: State
    state: State


@dataclass(frozen=True, slots=True)
class Lane:
    """How much waits in a queue (counted to `DEPTH_LIMIT` a stream) and since when, in seconds."""

    queue: str
    depth: int
    oldest_age: float


DEPTH_LIMIT = 10_000


@dataclass(frozen=True)
class Recovery:
    """The relay's side of the ledger. Any number of copies may run: rows are taken with SKIP LOCKED."""

    database: Database

    def due_queues(self) -> list[str]:
        """Queues with something to do now."""
        return sorted(row.queue for row in self.database.rows(_DUE))

    def reap(self, *, patience: float) -> list[Reaped]:
        """Take back what a dead worker held: claimed is queued again; started is unknown, and a worker decides.

        Parameters:
            patience: seconds PostgreSQL must have been up, so that workers could write what they know; a lease.
        """
        with self.database.transaction() as connection:
            rows = connection.execute(_REAP, {"patience": patience, "solo_deaths": SOLO_DEATHS}).all()
            finish(connection, rows)
        return [Reaped(row.id, row.queue, State(row.was), State(row.state)) for row in rows]

    def expire(self) -> int:
        """End what is waiting past its time; how many."""
        with self.database.transaction() as connection:
            rows = connection.execute(_EXPIRE).all()
            finish(connection, rows)
        return len(rows)

    def expire_in_line(self) -> int:
        """End what waited for its turn past its time; how many."""
        with self.database.transaction() as connection:
            rows = connection.execute(_EXPIRE_IN_LINE).all()
            finish(connection, rows)
        return len(rows)

    def close_streams(self) -> int:
        """Forget the streams of batches that are complete and drained, so that claims do not look at them.

        One that is paused stays: made anew, it would not be.
        """
        with self.database.transaction() as connection:
            ids = [row.id for row in connection.execute(_CLOSEABLE)]
            return connection.execute(_CLOSE, {"ids": ids}).rowcount if ids else 0

    def lanes(self) -> Sequence[Lane]:
        """Depth and age of every lane that was ever used; what is paused does not count."""
        rows = self.database.rows(_LANES, {"most": DEPTH_LIMIT})
        return [Lane(row.queue, row.depth, row.oldest_age or 0.0) for row in rows]
