"""Claim, start, settle: how workers take deliveries and say what became of them. One statement for many rows each.

The database's clock is the only clock. Only a claim raises the fence; every later write must match it, so a worker
that was given up for dead cannot overwrite what happened after, yet a known answer still wins over `unknown`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from shared.crypto import Sealed
from shared.ledger.database import Database
from shared.ledger.states import FINAL, LIVE, State

_CLAIM = text("""
    WITH alone AS MATERIALIZED (
        SELECT id FROM deliveries
        WHERE queue = :queue AND due_at <= now() AND deaths > 1
          AND NOT EXISTS (SELECT FROM deliveries h WHERE h.queue = :queue AND h.deaths > 1 AND h.lease_until > now())
          AND (SELECT pg_try_advisory_xact_lock(hashtext('crier.alone.' || :queue)))
        ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED),
    few AS MATERIALIZED (
        SELECT id FROM deliveries
        WHERE queue = :queue AND due_at <= now() AND deaths = 1 AND NOT EXISTS (SELECT FROM alone)
        ORDER BY due_at LIMIT :few FOR UPDATE SKIP LOCKED),
    suspect AS MATERIALIZED (SELECT id FROM alone UNION ALL SELECT id FROM few),
    open AS MATERIALIZED (
        SELECT id FROM streams WHERE queue = :queue AND paused_at IS NULL AND NOT EXISTS (SELECT FROM suspect)
        ORDER BY random()),
    due AS MATERIALIZED (
        SELECT id FROM suspect
        UNION ALL
        (SELECT d.id FROM open CROSS JOIN LATERAL (
             SELECT id FROM deliveries WHERE stream_id = open.id AND due_at <= now() AND deaths = 0
             ORDER BY due_at, id LIMIT :size FOR UPDATE SKIP LOCKED) d
         LIMIT :size)),
    claimed AS (
        UPDATE deliveries d
        SET state = 'claimed', due_at = NULL, lease_until = now() + make_interval(secs => :lease), fence = fence + 1
        FROM due WHERE d.id = due.id
        RETURNING d.id, d.notification_id, d.project_id, d.fence, d.attempts, d.deaths, d.hold, d.target, d.secret,
                  extract(epoch FROM d.expires_at - now())::float AS expires_in)
    SELECT c.*, n.channel, n.lane, n.kind, n.template_id, n.recipient, n.data, n.content, n.metadata,
           extract(epoch FROM now() - n.accepted_at)::float AS age, s.key_id, s.ciphertext
    FROM claimed c
    JOIN notifications n ON n.id = c.notification_id
    LEFT JOIN sealed s ON c.secret AND s.notification_id = c.notification_id
""")
_START = text("""
    UPDATE deliveries d
    SET state = CASE WHEN d.expires_at <= now() THEN 'expired' ELSE 'started' END,
        started_at = now(), provider = :provider,
        lease_until = CASE WHEN d.expires_at <= now() THEN NULL ELSE d.lease_until END,
        settled_at = CASE WHEN d.expires_at <= now() THEN now() END,
        reason = CASE WHEN d.expires_at <= now() THEN 'It expired before it could be sent.' END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:fences AS int[])) AS w (id, fence)
    WHERE d.id = w.id AND d.fence = w.fence AND d.state = 'claimed' AND d.lease_until > now()
    RETURNING d.id, d.state, d.notification_id, d.secret
""")
_SETTLE = text("""
    WITH answer AS (
        SELECT * FROM unnest(
            CAST(:ids AS uuid[]), CAST(:fences AS int[]), CAST(:states AS text[]), CAST(:outcomes AS text[]),
            CAST(:delays AS float[]), CAST(:counts AS boolean[]), CAST(:providers AS text[]), CAST(:codes AS text[]),
            CAST(:details AS text[]), CAST(:refs AS text[]))
          AS a (id, fence, state, outcome, delay, counted, provider, code, detail, reference)),
    settled AS (
        UPDATE deliveries d
        SET state = a.state, lease_until = NULL, settled_at = now(), attempts = d.attempts + a.counted::int,
            due_at = CASE WHEN a.state = 'queued' THEN now() + make_interval(secs => a.delay) END,
            deaths = CASE WHEN a.outcome = 'unknown' THEN d.deaths ELSE 0 END, reason = a.detail
        FROM answer a
        WHERE d.id = a.id AND d.fence = a.fence
          AND (d.state IN ('claimed', 'started', 'unknown') OR (d.state = 'queued' AND a.state <> 'queued'))
        RETURNING d.id, d.notification_id, d.project_id, d.target, d.state, d.secret, d.started_at),
    written AS (
        INSERT INTO attempts (delivery_id, fence, provider, started_at, outcome, code, detail, reference)
        SELECT a.id, a.fence, a.provider, s.started_at, a.outcome, a.code, a.detail, a.reference
        FROM answer a JOIN settled s ON s.id = a.id
        ON CONFLICT (delivery_id, fence) DO UPDATE
        SET outcome = excluded.outcome, code = excluded.code, detail = excluded.detail,
            reference = excluded.reference, finished_at = excluded.finished_at)
    SELECT id, notification_id, project_id, target, state, secret, started_at FROM settled
""")
_RELEASE = text("""
    UPDATE deliveries d
    SET state = 'queued', due_at = now(), lease_until = NULL
    FROM unnest(CAST(:ids AS uuid[]), CAST(:fences AS int[])) AS w (id, fence)
    WHERE d.id = w.id AND d.fence = w.fence AND d.state = 'claimed'
""")
_WIPE = text("""
    DELETE FROM sealed s
    WHERE s.notification_id = ANY(:ids) AND NOT EXISTS (
        SELECT FROM deliveries d WHERE d.notification_id = s.notification_id AND d.state = ANY(:unfinished))
""")
# One that was registered anew since the call began is another installation with that token.
_DROP_DEVICE = text("""
    DELETE FROM devices WHERE project_id = :project_id AND token = :token
    AND registered_at <= coalesce(CAST(:asked_at AS timestamptz), now())
""")
FEW = 10
"""Deliveries claimed together when a worker died holding them once."""
_UNFINISHED = [str(state) for state in (LIVE | {State.UNKNOWN})]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery this worker holds until its lease ends.

    Parameters:
        attempts: calls that counted so far. `deaths`: workers that died holding it.
        expires_in: seconds until it is worthless, by the database's clock at the claim. `age`: seconds since accepted.
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
    sealed: Sealed | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one call.

    Parameters:
        state: where the delivery goes; `queued` with `delay` seconds to wait.
        outcome: the attempt's word: sent, delivered, rejected, unavailable, waiting or unknown.
        counts: whether it uses up one of the delivery's attempts.
        target_is_dead: the device it went to no longer exists and is forgotten.
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


@dataclass(frozen=True)
class Work:
    """A worker's side of the ledger."""

    database: Database

    def claim(self, queue: str, size: int, lease: float) -> list[Claimed]:
        """Take up to `size` due deliveries of `queue` for `lease` seconds.

        Streams (projects and batches) are drawn by lot, so that a million rows of one neither delay another nor are
        scanned past. What a worker died holding is claimed next time by few, and after that alone, one in a lane at a
        time: poison takes no neighbours along, and the many that merely shared a machine with it are soon through.
        """
        rows = self.database.rows(_CLAIM, {"queue": queue, "size": size, "few": min(size, FEW), "lease": lease})
        return [
            Claimed(
                id=row.id,
                notification_id=row.notification_id,
                project_id=row.project_id,
                fence=row.fence,
                attempts=row.attempts,
                deaths=row.deaths,
                hold=row.hold,
                target=row.target,
                channel=row.channel,
                lane=row.lane,
                kind=row.kind,
                template_id=row.template_id,
                recipient=row.recipient,
                data=row.data,
                content=row.content,
                expires_in=row.expires_in,
                age=row.age,
                sealed=Sealed(row.key_id, bytes(row.ciphertext)) if row.key_id else None,
            )
            for row in rows
        ]

    def start(self, claimed: Sequence[Claimed], provider: str) -> frozenset[UUID]:
        """The gate: mark as started what may be sent now; the ids that passed.

        What expired, was cancelled or was taken back since the claim does not pass, and needs nothing more.
        """
        parameters = {
            "ids": [item.id for item in claimed],
            "fences": [item.fence for item in claimed],
            "provider": provider,
        }
        rows = self.database.rows(_START, parameters)
        expired = [row.notification_id for row in rows if row.state == State.EXPIRED and row.secret]
        if expired:
            self.database.execute(_WIPE, {"ids": expired, "unfinished": _UNFINISHED})
        return frozenset(row.id for row in rows if row.state == State.STARTED)

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Write what became of calls. A settlement whose fence is stale changes nothing."""
        parameters = {
            "ids": [item.id for item in settlements],
            "fences": [item.fence for item in settlements],
            "states": [str(item.state) for item in settlements],
            "outcomes": [item.outcome for item in settlements],
            "delays": [item.delay for item in settlements],
            "counts": [item.counts for item in settlements],
            "providers": [item.provider for item in settlements],
            "codes": [item.code for item in settlements],
            "details": [item.detail for item in settlements],
            "refs": [item.reference for item in settlements],
        }
        with self.database.transaction() as connection:
            settled = connection.execute(_SETTLE, parameters).all()
            wipe(connection, [row.notification_id for row in settled if row.secret and row.state in FINAL])
            dead = {item.id for item in settlements if item.target_is_dead}
            for row in settled:
                if row.id in dead:
                    dropped = {"project_id": row.project_id, "token": row.target, "asked_at": row.started_at}
                    connection.execute(_DROP_DEVICE, dropped)

    def release(self, claimed: Sequence[Claimed]) -> None:
        """Give back what was claimed and not started, at once and without counting anything against it."""
        self.database.execute(
            _RELEASE, {"ids": [item.id for item in claimed], "fences": [item.fence for item in claimed]}
        )


def wipe(connection: Connection, notification_ids: Sequence[UUID]) -> None:
    """Delete the sealed variables of notifications whose every delivery has ended."""
    if notification_ids:
        connection.execute(_WIPE, {"ids": list(notification_ids), "unfinished": _UNFINISHED})
