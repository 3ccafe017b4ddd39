"""The times at which schedules fire: claimed, promised, and what became of each.

A relay claims what is due in one transaction: it locks schedules, writes each time with the id its notification will
have, and when the schedule is due again. Accepting the notification under that id may then be done by anybody, any
number of times: until it is, the row has a lease, and whoever finds the lease over does it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from shared.ledger.database import Database
from shared.ledger.ids import new_id
from shared.ledger.schedule_rows import COLUMNS, Due, Fire, Kept, Promise, Schedule, schedule_of

LEASE = 15.0
"""Seconds after which who wrote a time down, and did not finish it, is dead."""
TRIES = 20
"""How often a time is tried before it is given up."""

_NOW = "COALESCE(CAST(:now AS timestamptz), now())"
_OF = text("""
    SELECT fire_time, notification_id, state, reason, fired_at FROM schedule_fires
    WHERE schedule_id = :id ORDER BY fire_time DESC LIMIT :limit
""")
_DUE = text(f"""
    SELECT {COLUMNS}, {_NOW} AS now FROM schedules WHERE next_fire_at <= {_NOW}
    ORDER BY next_fire_at LIMIT :most FOR UPDATE SKIP LOCKED
""")
# Where there is more than one batch: of every project its first, then of every project its second.
_DUE_IN_TURN = text(f"""
    WITH first AS MATERIALIZED (
        SELECT d.id, d.next_fire_at, row_number() OVER (PARTITION BY p.id ORDER BY d.next_fire_at) AS place
        FROM projects p CROSS JOIN LATERAL (
            SELECT id, next_fire_at FROM schedules WHERE project_id = p.id AND next_fire_at <= {_NOW}
            ORDER BY next_fire_at LIMIT :most) d),
    chosen AS MATERIALIZED (
        SELECT id AS chosen, next_fire_at AS chosen_at, place FROM first ORDER BY place, next_fire_at LIMIT 2 * :most)
    SELECT {COLUMNS}, {_NOW} AS now FROM schedules JOIN chosen ON chosen = id WHERE next_fire_at <= {_NOW}
    ORDER BY place, chosen_at LIMIT :most FOR UPDATE OF schedules SKIP LOCKED
""")
_WRITE = text(f"""
    INSERT INTO schedule_fires (schedule_id, fire_time, notification_id, state, reason, lease_until)
    SELECT f.schedule_id, f.fire_time, f.notification_id, f.state, f.reason,
           CASE f.state WHEN 'promised' THEN {_NOW} + make_interval(secs => :lease) END
    FROM unnest(CAST(:schedule_ids AS uuid[]), CAST(:fire_times AS timestamptz[]), CAST(:notification_ids AS uuid[]),
                CAST(:states AS text[]), CAST(:reasons AS text[]))
         AS f (schedule_id, fire_time, notification_id, state, reason)
    ON CONFLICT DO NOTHING
    RETURNING schedule_id, fire_time, notification_id, state
""")
_MOVE = text(f"""
    UPDATE schedules s
    SET next_fire_at = m.next_at, state = CASE WHEN m.next_at IS NULL THEN 'ended' ELSE s.state END,
        ended_at = CASE WHEN m.next_at IS NULL THEN {_NOW} END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:next_ats AS timestamptz[])) AS m (id, next_at)
    WHERE s.id = m.id
""")
_ABANDONED = text(f"""
    WITH taken AS (
        SELECT schedule_id, fire_time, notification_id, tries FROM schedule_fires WHERE lease_until < {_NOW}
        ORDER BY lease_until LIMIT :most FOR UPDATE SKIP LOCKED),
    judged AS MATERIALIZED (
        SELECT t.*, s.state = 'paused' AND NOT EXISTS (SELECT FROM notifications n WHERE n.id = t.notification_id)
                    AND NOT EXISTS (SELECT FROM chains c WHERE c.id = t.notification_id)
                    AS stopped, t.tries >= :tries AS spent
        FROM taken t JOIN schedules s ON s.id = t.schedule_id),
    again AS (
        UPDATE schedule_fires f
        SET tries = f.tries + 1,
            state = CASE WHEN j.stopped THEN 'skipped' WHEN j.spent THEN 'failed' ELSE f.state END,
            reason = CASE WHEN j.stopped THEN :paused WHEN j.spent THEN :given_up END,
            lease_until = CASE WHEN NOT j.stopped AND NOT j.spent THEN {_NOW} + make_interval(secs => :lease) END
        FROM judged j WHERE f.schedule_id = j.schedule_id AND f.fire_time = j.fire_time
        RETURNING f.schedule_id, f.fire_time, f.notification_id, f.state)
    SELECT a.schedule_id, a.fire_time, a.notification_id, s.project_id, s.request,
           extract(epoch FROM {_NOW} - a.fire_time)::float AS late
    FROM again a JOIN schedules s ON s.id = a.schedule_id WHERE a.state = 'promised'
""")
_SETTLE = text(f"""
    WITH held AS MATERIALIZED (
        SELECT f.schedule_id, f.fire_time, e.state, e.reason
        FROM schedule_fires f
        JOIN unnest(CAST(:schedule_ids AS uuid[]), CAST(:fire_times AS timestamptz[]), CAST(:states AS text[]),
                    CAST(:reasons AS text[])) AS e (schedule_id, fire_time, state, reason)
          ON e.schedule_id = f.schedule_id AND e.fire_time = f.fire_time
        WHERE f.state = 'promised'
        ORDER BY f.schedule_id, f.fire_time FOR UPDATE OF f)
    UPDATE schedule_fires f
    SET state = h.state, reason = h.reason, lease_until = NULL, fired_at = CASE h.state WHEN 'fired' THEN {_NOW} END
    FROM held h WHERE f.schedule_id = h.schedule_id AND f.fire_time = h.fire_time
""")


@dataclass(frozen=True)
class Fires:
    """The times of every schedule. Every `now` is for tests: None is the database's clock."""

    database: Database

    def of(self, identifier: UUID, limit: int = 10) -> list[Fire]:
        """The last times of a schedule, newest first."""
        return [Fire(**row._mapping) for row in self.database.rows(_OF, {"id": identifier, "limit": limit})]

    def claim(
        self, decide: Callable[[Schedule, datetime], Due], *, most: int, in_turn: bool = False,
        now: datetime | None = None,
    ) -> tuple[int, list[Promise]]:  # fmt: skip
        """Take schedules that are due: how many, and the notifications that are now promised.

        Parameters:
            decide: says what becomes of a schedule that is due now.
            in_turn: one of each project after the other, so that one with thousands keeps no other waiting; else those
                that have been due for longest, which is less work to find.
        """
        with self.database.transaction() as connection:
            found = connection.execute(_DUE_IN_TURN if in_turn else _DUE, {"most": most, "now": now}).all()
            if not found:
                return 0, []
            schedules = {row.id: schedule_of(row) for row in found}
            decided = [(schedule, decide(schedule, found[0].now)) for schedule in schedules.values()]
            times = [
                (schedule.id, at, new_id() if state == "promised" else None, state, reason)
                for schedule, due in decided
                for at, state, reason in due.times
            ]
            columns = ("schedule_ids", "fire_times", "notification_ids", "states", "reasons")
            written = connection.execute(_WRITE, _columns(columns, times) | {"lease": LEASE, "now": now}).all()
            moves = [(schedule.id, due.next_at) for schedule, due in decided]
            connection.execute(_MOVE, _columns(("ids", "next_ats"), moves) | {"now": now})
        promised = [row for row in written if row.state == "promised"]
        return len(found), [_promise(row, schedules[row.schedule_id], found[0].now) for row in promised]

    def abandoned(self, *, most: int, now: datetime | None = None) -> list[Promise]:
        """Take promises that somebody made and did not keep. Those that were tried `TRIES` times are given up, those
        of a schedule that was paused since are left out.
        """
        given_up = f"It was tried {TRIES} times and never came to an end; the relay's log says why."
        asked = {
            "most": most, "now": now, "tries": TRIES, "lease": LEASE, "given_up": given_up,
            "paused": "The schedule was paused before it could be sent.",
        }  # fmt: skip
        return [Promise(**row._mapping) for row in self.database.rows(_ABANDONED, asked)]

    def settle(self, kept: Sequence[Kept], *, now: datetime | None = None) -> None:
        """Write what became of promises."""
        if kept:
            ends = [(one.promise.schedule_id, one.promise.fire_time, one.state, one.reason) for one in kept]
            columns = ("schedule_ids", "fire_times", "states", "reasons")
            self.database.execute(_SETTLE, _columns(columns, ends) | {"now": now})


def _promise(row: Row[Any], of: Schedule, now: datetime) -> Promise:
    late = (now - row.fire_time).total_seconds()
    return Promise(of.id, row.fire_time, row.notification_id, of.project_id, of.request, late)


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {name: [] for name in names}
