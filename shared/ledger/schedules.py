"""Schedules and the times they fired: what a schedule is, when it is due, and what became of each time.

A relay claims what is due in one transaction: it locks schedules, writes each time with the id its notification will
have, and when the schedule is due again. Accepting the notification under that id may then be done by anybody, any
number of times: until it is, the row has a lease, and whoever finds the lease over does it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import IntegrityError

from shared.errors import Conflict, InvalidInput, NotFound
from shared.ledger import inserts
from shared.ledger.audit import record
from shared.ledger.database import Database
from shared.ledger.draft import IdempotencyKey
from shared.ledger.ids import new_id

LEASE = 15.0
"""Seconds after which who wrote a time down, and did not finish it, is dead."""
TRIES = 20
"""How often a time is tried before it is given up."""

_COLUMNS = "id, project_id, name, trigger, request, misfire, misfire_grace, state, next_fire_at, created_at, ended_at"
_NOW = "COALESCE(CAST(:now AS timestamptz), now())"
_CREATE = text(f"""
    INSERT INTO schedules (id, project_id, name, trigger, request, misfire, misfire_grace, next_fire_at)
    SELECT :id, :project_id, :name, CAST(:trigger AS jsonb), CAST(:request AS jsonb), :misfire, :misfire_grace, :next_at
    WHERE (SELECT count(*) FROM schedules WHERE project_id = :project_id AND ended_at IS NULL) < :most
    RETURNING {_COLUMNS}
""")
_GET = text(f"SELECT {_COLUMNS} FROM schedules WHERE id = :id AND project_id = :project_id")
_LOCK = text(f"SELECT {_COLUMNS}, {_NOW} AS now FROM schedules WHERE id = :id AND project_id = :project_id FOR UPDATE")
_PAGE = text(f"""
    SELECT {_COLUMNS} FROM schedules
    WHERE project_id = :project_id AND (CAST(:before AS uuid) IS NULL OR id < :before)
      AND (CAST(:state AS text) IS NULL OR state = :state)
    ORDER BY id DESC LIMIT :limit
""")
_FIRES = text("""
    SELECT fire_time, notification_id, state, reason, fired_at FROM schedule_fires
    WHERE schedule_id = :id ORDER BY fire_time DESC LIMIT :limit
""")
_SET = text("UPDATE schedules SET state = :state, next_fire_at = :next_at WHERE id = :id")
_REMOVE = text("DELETE FROM schedules WHERE id = :id AND project_id = :project_id")
_DUE = text(f"""
    SELECT {_COLUMNS}, {_NOW} AS now FROM schedules WHERE next_fire_at <= {_NOW}
    ORDER BY next_fire_at LIMIT :most FOR UPDATE SKIP LOCKED
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
    SELECT a.schedule_id, a.fire_time, a.notification_id, s.project_id, s.request
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


@dataclass(frozen=True, slots=True)
class Schedule:
    """A notification that is sent again and again, or later.

    Parameters:
        trigger: when, as data. request: what is sent each time, as a caller would ask for it.
        misfire: what becomes of times that are more than `misfire_grace` seconds late.
        next_fire_at: when it is due next; None unless it is active.
    """

    id: UUID
    project_id: int
    name: str
    trigger: Mapping[str, Any]
    request: Mapping[str, Any]
    misfire: str
    misfire_grace: int
    state: str
    next_fire_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class SchedulePage:
    """Some schedules, newest first. `next` is the cursor of what follows; None at the end."""

    items: Sequence[Schedule]
    next: str | None


@dataclass(frozen=True, slots=True)
class Fire:
    """A time at which a schedule was due.

    Parameters:
        notification_id: what it became; where it is promised, what it will become.
        state: promised, fired, skipped, or failed for the `reason`.
    """

    fire_time: datetime
    notification_id: UUID | None
    state: str
    reason: str | None
    fired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Promise:
    """A notification that is to be accepted under the id it has here."""

    schedule_id: UUID
    fire_time: datetime
    notification_id: UUID
    project_id: int
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be written of a schedule that was due: its times, and when it is due again (None: never).

    Parameters:
        times: each with its state, promised, skipped or failed, and the reason for the latter.
    """

    times: Sequence[tuple[datetime, str, str | None]]
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a promise: fired, or failed for a reason."""

    promise: Promise
    state: str
    reason: str | None = None


@dataclass(frozen=True)
class Schedules:
    """The schedules of projects.

    Parameters:
        most: schedules that a project may have at once, those that have ended not counted.

    Every `now` is for tests: None is the database's clock.
    """

    database: Database
    most: int = 10_000

    def create(
        self, project_id: int, name: str, trigger: Mapping[str, Any], request: Mapping[str, Any], *, misfire: str,
        misfire_grace: int, next_at: datetime, who: str, key: IdempotencyKey | None = None, identifier: UUID,
    ) -> Schedule | None:  # fmt: skip
        """A new schedule; None when the key was used before.

        Parameters:
            who: does it, for the audit log; so everywhere here.

        Raises:
            Conflict: another one that has not ended is of this name, or the project has `most` of them.
        """
        asked = {
            "id": identifier, "project_id": project_id, "name": name, "trigger": _json(trigger),
            "request": _json(request), "misfire": misfire, "misfire_grace": misfire_grace, "next_at": next_at,
            "most": self.most,
        }  # fmt: skip
        try:
            with self.database.transaction() as connection:
                if key and not connection.exec_driver_sql(inserts.KEY, inserts.of_key(project_id, key)).all():
                    return None
                made = connection.execute(_CREATE, asked).first()
                if made is None:
                    raise Conflict(f"A project may have {self.most} schedules. Delete one that is needed no more.")
                record(connection, project_id, who, "schedule.created", subject=identifier)
        except IntegrityError as error:
            if "schedules_by_name" not in str(error):
                raise
            raise Conflict(f"There is a schedule of the name {name} already. Delete it, or choose another.") from None
        return _schedule(made)

    def page(
        self, project_id: int, *, state: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> SchedulePage:
        """A page of at most `limit`.

        Raises:
            InvalidInput: the cursor is not one that a page gave.
        """
        asked = {"project_id": project_id, "state": state, "before": _read(cursor), "limit": limit + 1}
        found = [_schedule(row) for row in self.database.rows(_PAGE, asked)]
        return SchedulePage(found[:limit], str(found[limit - 1].id) if len(found) > limit else None)

    def get(self, project_id: int, identifier: UUID) -> Schedule:
        """A schedule of this project. Raises NotFound."""
        rows = self.database.rows(_GET, {"id": identifier, "project_id": project_id})
        if not rows:
            raise _missing(identifier)
        return _schedule(rows[0])

    def fires(self, identifier: UUID, limit: int = 10) -> list[Fire]:
        """The last times of a schedule, newest first."""
        return [Fire(**row._mapping) for row in self.database.rows(_FIRES, {"id": identifier, "limit": limit})]

    def pause(self, project_id: int, identifier: UUID, *, who: str) -> Schedule:
        """Let it fire no more until it is resumed.

        Raises:
            NotFound: the project has no such schedule.
            Conflict: it has ended.
        """
        with self.database.transaction() as connection:
            found, _ = _locked(connection, project_id, identifier)
            if found.state == "active":
                connection.execute(_SET, {"id": identifier, "state": "paused", "next_at": None})
                record(connection, project_id, who, "schedule.paused", subject=identifier)
        return self.get(project_id, identifier)

    def resume(
        self,
        project_id: int,
        identifier: UUID,
        following: Callable[[Schedule, datetime], datetime | None],
        *,
        who: str,
        now: datetime | None = None,
    ) -> Schedule:
        """Let it fire again, from its next time on.

        Parameters:
            following: says when that is, after a moment.

        Raises:
            NotFound: the project has no such schedule.
            Conflict: it has ended, or none of its times is left.
        """
        with self.database.transaction() as connection:
            found, moment = _locked(connection, project_id, identifier, now)
            if found.state == "paused":
                next_at = following(found, moment)
                if next_at is None:
                    raise Conflict(
                        "Its last time passed while it was paused: it would never fire. Make a new schedule."
                    )
                connection.execute(_SET, {"id": identifier, "state": "active", "next_at": next_at})
                record(connection, project_id, who, "schedule.resumed", subject=identifier)
        return self.get(project_id, identifier)

    def remove(self, project_id: int, identifier: UUID, *, who: str) -> None:
        """Delete it, and what is known of its times; what it sent stays. Raises NotFound."""
        with self.database.transaction() as connection:
            if not connection.execute(_REMOVE, {"id": identifier, "project_id": project_id}).rowcount:
                raise _missing(identifier)
            record(connection, project_id, who, "schedule.deleted", subject=identifier)

    def claim(
        self, decide: Callable[[Schedule, datetime], Due], *, most: int, now: datetime | None = None
    ) -> tuple[int, list[Promise]]:
        """Take schedules that are due: how many, and the notifications that are now promised.

        Parameters:
            decide: says what becomes of a schedule that is due now.
        """
        with self.database.transaction() as connection:
            found = connection.execute(_DUE, {"most": most, "now": now}).all()
            if not found:
                return 0, []
            schedules = {row.id: _schedule(row) for row in found}
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
        return len(found), [_promise(row, schedules[row.schedule_id]) for row in promised]

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


def _locked(
    connection: Connection, project_id: int, identifier: UUID, now: datetime | None = None
) -> tuple[Schedule, datetime]:
    row = connection.execute(_LOCK, {"id": identifier, "project_id": project_id, "now": now}).first()
    if row is None:
        raise _missing(identifier)
    if row.state == "ended":
        raise Conflict("It has ended: none of its times is left. Make a new schedule.")
    return _schedule(row), row.now


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {name: [] for name in names}


def _schedule(row: Row[Any]) -> Schedule:
    return Schedule(
        row.id, row.project_id, row.name, row.trigger, row.request, row.misfire, row.misfire_grace, row.state,
        row.next_fire_at, row.created_at, row.ended_at,
    )  # fmt: skip


def _promise(row: Row[Any], of: Schedule) -> Promise:
    return Promise(of.id, row.fire_time, row.notification_id, of.project_id, of.request)


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value).decode()


def _read(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor else None
    except ValueError:
        raise InvalidInput({"cursor": ["Not a cursor: use `next` of the page before."]}) from None


def _missing(identifier: UUID) -> NotFound:
    return NotFound(f"There is no schedule {identifier} in this project.")
