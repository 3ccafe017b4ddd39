"""Claim, start, settle: how workers take deliveries and say what became of them. One statement for many rows each.

The database's clock is the only clock. Only a claim raises the fence; every later write must match it, so a worker
that was given up for dead cannot overwrite what happened after, yet a known answer still wins over `unknown`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import structlog
from sqlalchemy import text

from shared.crypto import Sealed
from shared.errors import LedgerUnavailable
from shared.ledger import arrays
from shared.ledger.capping import Capping
from shared.ledger.claimed import Claimed, Starting
from shared.ledger.database import Database, driver_rows
from shared.ledger.devices import forget
from shared.ledger.endings import finish, recorded, returned
from shared.ledger.gate import START, Ended, asked
from shared.ledger.settlement import Settlement, each_its_own
from shared.ledger.states import State

__all__ = ["FEW", "Claimed", "Settlement", "Starting", "Work"]

log = structlog.get_logger(__name__)
# Where the relay gave the worker up, the doubt was about this very call, of which the answer has come after all.
_EARLIER_DOUBT = """CASE WHEN d.state = 'unknown' THEN EXISTS (
                SELECT FROM attempts t WHERE t.delivery_id = d.id AND t.fence < d.fence AND t.outcome = 'unknown')
            ELSE d.doubt END"""
_WHY = "coalesce(e.why, CASE e.outcome WHEN 'rejected' THEN 'refused' ELSE 'exhausted' END)"
# Of those that a worker died holding, which are few: the others are looked up by streams that are not paused.
_NOT_PAUSED = """
    NOT EXISTS (SELECT FROM streams s WHERE s.id = deliveries.stream_id AND s.paused_at IS NOT NULL)
"""
_CLAIM = f"""
    WITH alone AS MATERIALIZED (
        SELECT id FROM deliveries
        WHERE queue = %(queue)s AND due_at <= now() AND deaths > 1 AND {_NOT_PAUSED}
          AND NOT EXISTS (SELECT FROM deliveries h WHERE h.queue = %(queue)s AND h.deaths > 1 AND h.lease_until > now())
          AND (SELECT pg_try_advisory_xact_lock(hashtext('crier.alone.' || %(queue)s)))
        ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED),
    few AS MATERIALIZED (
        SELECT id FROM deliveries
        WHERE queue = %(queue)s AND due_at <= now() AND deaths = 1 AND {_NOT_PAUSED} AND NOT EXISTS (SELECT FROM alone)
        ORDER BY due_at LIMIT %(few)s FOR UPDATE SKIP LOCKED),
    suspect AS MATERIALIZED (SELECT id FROM alone UNION ALL SELECT id FROM few),
    open AS MATERIALIZED (
        SELECT id FROM streams WHERE queue = %(queue)s AND paused_at IS NULL AND NOT EXISTS (SELECT FROM suspect)
        ORDER BY random()),
    due AS MATERIALIZED (
        SELECT id FROM suspect
        UNION ALL
        (SELECT d.id FROM open CROSS JOIN LATERAL (
             SELECT id FROM deliveries WHERE stream_id = open.id AND due_at <= now() AND deaths = 0
             ORDER BY due_at, id LIMIT %(size)s FOR UPDATE SKIP LOCKED) d
         LIMIT %(size)s)),
    claimed AS (
        UPDATE deliveries d
        SET state = 'claimed', due_at = NULL, lease_until = now() + make_interval(secs => %(lease)s), fence = fence + 1
        FROM due WHERE d.id = due.id
        RETURNING d.id, d.notification_id, d.project_id, d.fence, d.attempts, d.deaths, d.hold, d.target, d.secret,
                  d.doubt, d.provider, d.started_at,
                  extract(epoch FROM now() - d.started_at)::float AS started_ago,
                  extract(epoch FROM d.expires_at - now())::float AS expires_in, d.put_off_until)
    SELECT c.id, c.notification_id, c.project_id, c.fence, c.attempts, c.deaths, c.hold, c.target,
           n.channel, n.lane, n.kind, n.template_id, n.recipient::text, n.data::text, n.content::text,
           c.expires_in, extract(epoch FROM now() - greatest(n.accepted_at, n.send_at, c.put_off_until))::float AS age,
           c.doubt, c.provider, c.started_at, c.started_ago, n.category, n.chain_id, n.digest, s.key_id,
           s.ciphertext
    FROM claimed c
    JOIN notifications n ON n.id = c.notification_id
    LEFT JOIN sealed s ON c.secret AND s.notification_id = c.notification_id
"""
_SETTLE = f"""
    WITH answer AS (
        SELECT * FROM unnest(
            %(ids)s::uuid[], %(fences)s::int[], %(states)s::text[], %(outcomes)s::text[], %(delays)s::float[],
            %(counts)s::bool[], %(providers)s::text[], %(codes)s::text[], %(details)s::text[], %(references)s::text[],
            %(held)s::bool[], %(whys)s::text[], %(suppressed)s::text[], %(senders)s::text[])
          AS a (id, fence, state, outcome, delay, counted, provider, code, detail, reference, held, why, suppress,
                sender)),
    settled AS (
        UPDATE deliveries d
        SET state = a.state, lease_until = NULL, settled_at = now(), attempts = d.attempts + a.counted::int,
            due_at = CASE WHEN a.state = 'queued' OR (a.state = 'unknown' AND NOT a.held)
                          THEN now() + make_interval(secs => a.delay) END,
            held_at = CASE WHEN a.state = 'unknown' AND a.held THEN now() END,
            doubt = a.state = 'unknown' OR (a.state = 'queued' AND {_EARLIER_DOUBT}),
            deaths = CASE WHEN a.outcome = 'unknown' THEN d.deaths ELSE 0 END, reason = a.detail
        FROM answer a
        WHERE d.id = a.id AND d.fence = a.fence
          AND (d.state IN ('claimed', 'started', 'unknown') OR (d.state = 'queued' AND a.state <> 'queued'))
          AND NOT (a.state = 'queued' AND d.held_at IS NOT NULL)
        RETURNING {returned("d")}, d.target, d.started_at, a.outcome, a.code, a.why, a.suppress, a.sender),
    written AS (
        INSERT INTO attempts (delivery_id, fence, provider, started_at, outcome, code, detail, reference)
        SELECT a.id, a.fence, a.provider, s.started_at, a.outcome, a.code, a.detail, a.reference
        FROM answer a JOIN settled s ON s.id = a.id
        ON CONFLICT (delivery_id, fence) DO UPDATE
        SET outcome = excluded.outcome, code = excluded.code, detail = excluded.detail,
            reference = excluded.reference, finished_at = excluded.finished_at),
    barred AS (
        INSERT INTO suppressions (project_id, channel, target, scope, sender, reason, source, delivery_id)
        SELECT project_id, split_part(queue, '.', 1), lower(target), 'everything', sender, suppress, provider, id
        FROM settled WHERE suppress IS NOT NULL
        ON CONFLICT DO NOTHING),
    {recorded("settled", why=_WHY, code="e.code")}
    SELECT id, notification_id, state, secret, held_at, ordering_key, project_id, queue, target, started_at
    FROM settled WHERE secret OR ordering_key IS NOT NULL OR id = ANY(%(noted)s::uuid[])
"""
_RELEASE = text("""
    UPDATE deliveries d
    SET state = CASE WHEN d.doubt THEN 'unknown' ELSE 'queued' END, due_at = now() + make_interval(secs => :delay),
        lease_until = NULL, reason = coalesce(CAST(:reason AS text), d.reason)
    FROM unnest(CAST(:ids AS uuid[]), CAST(:fences AS int[])) AS w (id, fence)
    WHERE d.id = w.id AND d.fence = w.fence AND d.state = 'claimed'
""")
FEW = 10
"""Deliveries claimed together when a worker died holding them once."""


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
        asked = {"queue": queue, "size": size, "few": min(size, FEW), "lease": lease}
        return [_claimed(row) for row in self.database.driver_rows(_CLAIM, asked)]

    def start(self, starting: Sequence[Starting]) -> frozenset[UUID]:
        """The gate: mark as started what may be sent now; the ids that passed.

        What expired, is suppressed or not wanted, has to wait for the end of quiet hours, was cancelled or taken back
        since the claim, or belongs to a chain that has ended, does not pass, and needs nothing more. Of what is in
        doubt and does not pass it stays unknown whether it was sent: a person has to look at it. What is over a cap of
        its project is dropped, or waits (`shared/ledger/capping.py`).
        """
        concerned = self._capping.concerned(starting)
        if not concerned:
            return self._start(starting)
        capped = {asking.delivery_id for _, asking in concerned}
        started = self._capping.start(concerned)
        others = [each for each in starting if each.item.id not in capped]
        return started | self._start(others) if others else started

    @cached_property
    def _capping(self) -> Capping:
        return Capping(self.database)

    def _start(self, starting: Sequence[Starting]) -> frozenset[UUID]:
        """The gate for what no cap concerns: one statement, by itself."""
        rows = [Ended(*row) for row in self.database.driver_rows(START, asked(starting))]
        if stopped := [row for row in rows if row.state != State.STARTED]:
            try:
                with self.database.transaction() as connection:
                    finish(connection, stopped)
            except LedgerUnavailable as error:
                # Those who passed must be called all the same; the relay and the clean-up make up for this.
                log.warning("what ended at the gate is tidied up later", reason=str(error))
        return frozenset(row.id for row in rows if row.state == State.STARTED)

    def settle(self, settlements: Sequence[Settlement]) -> list[str]:
        """Write what became of calls; the queues in which somebody may have his turn now.

        A settlement whose fence is stale changes nothing. A message that a look-up found for two deliveries is not
        known to be either's: then they are held.
        """
        with self.database.transaction() as connection:
            settlements = each_its_own(connection, settlements)
            settled = [_Settled(*row) for row in driver_rows(connection, _SETTLE, _parameters(settlements))]
            queues = finish(connection, settled)
            dead = {item.id for item in settlements if item.target_is_dead}
            suspects = {item.id for item in settlements if item.suspect}
            queues += [row.queue for row in settled if row.id in suspects]
            for row in settled:
                if row.id in dead:
                    forget(connection, row.project_id, row.target, row.started_at)
        return sorted(set(queues))

    def release(self, claimed: Sequence[Claimed], *, delay: float = 0.0, reason: str | None = None) -> None:
        """Give back what was claimed and not started, without counting anything against it.

        Parameters:
            delay: seconds before it is due again.
            reason: what it waits for, for people.
        """
        parameters = {
            "ids": [item.id for item in claimed],
            "fences": [item.fence for item in claimed],
            "delay": delay,
            "reason": reason,
        }
        self.database.execute(_RELEASE, parameters)


class _Settled(NamedTuple):
    """What `finish` reads, of a delivery that something follows for, and what else is done about it."""

    id: UUID
    notification_id: UUID
    state: str
    secret: bool
    held_at: datetime | None
    ordering_key: str | None
    project_id: int
    queue: str
    target: str
    started_at: datetime | None


def _claimed(row: Sequence[Any]) -> Claimed:
    """A row of `_CLAIM`: the fields in their order but for what is stored as JSON, and what is sealed."""
    recipient, data, content = row[12:15]
    json = orjson.loads(recipient), data and orjson.loads(data), content and orjson.loads(content)
    sealed = Sealed(row[24], row[25]) if row[24] else None
    return Claimed._make((*row[:12], *json, *row[15:24], sealed))


def _parameters(settlements: Sequence[Settlement]) -> dict[str, Any]:
    return {
        "ids": arrays.uuids(item.id for item in settlements),
        "fences": arrays.numbers(item.fence for item in settlements),
        "states": arrays.texts([item.state for item in settlements]),
        "outcomes": arrays.texts([item.outcome for item in settlements]),
        "delays": arrays.numbers(float(item.delay) for item in settlements),
        "counts": arrays.booleans(item.counts for item in settlements),
        "providers": arrays.texts([item.provider for item in settlements]),
        "codes": arrays.texts([item.code for item in settlements]),
        "details": arrays.texts([item.detail for item in settlements]),
        "references": arrays.texts([item.reference for item in settlements]),
        "held": arrays.booleans(item.held for item in settlements),
        "whys": arrays.texts([item.why for item in settlements]),
        "suppressed": arrays.texts([item.suppress for item in settlements]),
        "senders": arrays.texts([item.sender for item in settlements]),
        "noted": arrays.uuids(item.id for item in settlements if item.target_is_dead or item.suspect),
    }
