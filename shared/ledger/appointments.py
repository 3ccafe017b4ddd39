"""Appointments, which the API calls events, and the reminders of each.

Who changes an appointment locks its row; who makes notifications of its reminders holds it shared while he does. So
once a cancellation is answered nobody is still about to remind of it: what was promised and not yet made is never made,
and what was made is withdrawn in the same transaction.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, Row, text

from shared.errors import Conflict, InvalidInput, NotFound
from shared.ledger.appointment_reminders import remind, reminders_of, take_back
from shared.ledger.appointment_rows import Appointment, Page, Reminder, Wanted, appointment_of
from shared.ledger.children import children_of
from shared.ledger.database import Database
from shared.ledger.ids import new_id
from shared.ledger.states import State, fold

MOVED = "The event was moved."
LEFT_OUT = "The event has this reminder no more."
CANCELLED = "The event was cancelled."
NO_SHOW = "The event was marked as a no-show."

_COLUMNS = """
    a.id, a.project_id, a.key, a.starts_at, a.wall_time, a.timezone, a.offsets, a.request, a.duration, a.follow_up,
    a.state, a.version, a.created_at, a.changed_at
"""
# A key may look like an id; then it is the key that is meant.
_WHICH = (
    "a.project_id = :project_id AND (a.key = :name OR a.id = CAST(:id AS uuid)) ORDER BY a.key = :name DESC LIMIT 1"
)
_FIND = text(f"SELECT {_COLUMNS} FROM appointments a WHERE {_WHICH}")
_LOCK = text(f"SELECT {_COLUMNS} FROM appointments a WHERE {_WHICH} FOR UPDATE")
_LOCK_KEY = text(f"SELECT {_COLUMNS} FROM appointments a WHERE a.project_id = :project_id AND a.key = :name FOR UPDATE")
_CREATE = text("""
    INSERT INTO appointments
        (id, project_id, key, starts_at, wall_time, timezone, offsets, request, duration, follow_up)
    VALUES (:id, :project_id, :key, :starts_at, :wall_time, :timezone, :offsets, CAST(:request AS jsonb), :duration,
            CAST(:follow_up AS jsonb))
    ON CONFLICT (project_id, key) DO NOTHING RETURNING id
""")
_CHANGE = text("""
    UPDATE appointments
    SET starts_at = :starts_at, wall_time = :wall_time, timezone = :timezone, offsets = :offsets,
        request = CAST(:request AS jsonb), duration = :duration, follow_up = CAST(:follow_up AS jsonb),
        version = :version, state = 'scheduled', changed_at = now()
    WHERE id = :id
""")
_END = text("UPDATE appointments SET state = :state, changed_at = now() WHERE id = :id")
_PAGE = text(f"""
    SELECT {_COLUMNS}, (
        SELECT min(r.due_at) FROM reminders r WHERE r.appointment_id = a.id AND r.state = 'waiting') AS next_reminder_at
    FROM appointments a
    WHERE a.project_id = :project_id AND a.state = :state
      AND (CAST(:after AS timestamptz) IS NULL OR a.starts_at >= :after)
      AND (CAST(:before AS timestamptz) IS NULL OR a.starts_at < :before)
      AND (CAST(:last_id AS uuid) IS NULL
           OR (a.starts_at, a.id) > (CAST(:last_at AS timestamptz), CAST(:last_id AS uuid)))
    ORDER BY a.starts_at, a.id LIMIT :limit
""")
_NOTIFICATIONS = text(f"""
    SELECT asked.id, array_agg(d.state) AS states
    FROM unnest(CAST(:ids AS uuid[])) AS asked (id) JOIN deliveries d ON {children_of("asked.id")} GROUP BY asked.id
""")

Decide = Callable[[Appointment | None], Wanted]


@dataclass(frozen=True)
class Appointments:
    """The appointments of projects, and their reminders. What is called a name here is a key or an id."""

    database: Database

    def get(self, project_id: int, name: str) -> Appointment:
        """One with its reminders and what became of them. Raises NotFound."""
        with self.database.statement() as connection:
            found = _appointment(connection, connection.execute(_FIND, _named(project_id, name)).first(), name)
            ids = [one.notification_id for one in found.reminders if one.notification_id]
            rows = connection.execute(_NOTIFICATIONS, {"ids": ids}).all() if ids else ()
        states = {row.id: fold(State(state) for state in row.states) for row in rows}
        return _with(found, [_judged(one, states) for one in found.reminders])

    def page(
        self, project_id: int, *, state: str = "scheduled", after: datetime | None = None,
        before: datetime | None = None, limit: int = 50, cursor: str | None = None,
    ) -> Page:  # fmt: skip
        """A page of at most `limit`, the soonest first, without reminders.

        Parameters:
            after, before: begins at or after, and before these moments.

        Raises:
            InvalidInput: the cursor is not one that a page gave.
        """
        last_at, last_id = _read(cursor) if cursor else (None, None)
        asked = {
            "project_id": project_id, "state": state, "after": after, "before": before, "limit": limit + 1,
            "last_at": last_at, "last_id": last_id,
        }  # fmt: skip
        rows = self.database.rows(_PAGE, asked)
        items = [appointment_of(row) for row in rows[:limit]]
        return Page(items, _cursor(items[-1]) if len(rows) > limit else None)

    def create(self, project_id: int, key: str, decide: Decide, *, now: datetime) -> Appointment:
        """A new one. Raises Conflict when there is one of this key; and what `decide` raises, as everywhere here.

        Parameters:
            decide: told what there is, says what is to be.
            now: reminders whose time has passed by then are missed.
        """
        with self.database.transaction() as connection:
            made = _create(connection, project_id, key, decide(None), now)
        if made is None:
            raise Conflict(f"There is an event {key} already. PUT it to change it.")
        return self.get(project_id, str(made))

    def put(self, project_id: int, key: str, decide: Decide, *, who: str, now: datetime) -> Appointment:
        """One as it is wanted, whether there was one before or not."""
        made: UUID | None = None
        with self.database.transaction() as connection:
            row = connection.execute(_LOCK_KEY, {"project_id": project_id, "name": key}).first()
            if row is None:
                made = _create(connection, project_id, key, decide(None), now)
                # Somebody made it in this moment, and has committed it.
                row = None if made else connection.execute(_LOCK_KEY, {"project_id": project_id, "name": key}).first()
            if made is None:
                found = _appointment(connection, row, key)
                _change(connection, found, decide(found), who, now)
                made = found.id
        return self.get(project_id, str(made))

    def change(self, project_id: int, name: str, decide: Decide, *, who: str, now: datetime) -> Appointment:
        """One that is there, changed. Raises NotFound; Conflict when it was cancelled, or has begun."""
        with self.database.transaction() as connection:
            found = _appointment(connection, connection.execute(_LOCK, _named(project_id, name)).first(), name)
            if found.state == "cancelled":
                raise Conflict("The event was cancelled. PUT it to have it take place after all.")
            if found.starts_at <= now:
                raise Conflict("The event has begun. PUT it, if it is to begin again.")
            _change(connection, found, decide(found), who, now)
        return self.get(project_id, str(found.id))

    def cancel(self, project_id: int, name: str, *, who: str, now: datetime) -> Appointment:
        """Remind of it no more, not even by what was handed over already and has not been sent. Twice is as once.

        Raises:
            NotFound: the project has none of this name.
            Conflict: it has begun.
        """
        with self.database.transaction() as connection:
            found = _appointment(connection, connection.execute(_LOCK, _named(project_id, name)).first(), name)
            if found.state != "cancelled":
                if found.starts_at <= now:
                    raise Conflict(
                        "The event has begun: it can be cancelled no more. Mark it as a no-show to have nothing sent "
                        "afterwards."
                    )
                connection.execute(_END, {"id": found.id, "state": "cancelled"})
                take_back(connection, found, reminders_of(connection, found.id, lock=True), CANCELLED, who)
        return self.get(project_id, str(found.id))

    def no_show(self, project_id: int, name: str, *, who: str, now: datetime) -> Appointment:
        """Nobody came: send no follow-up of it, not even one that was handed over already. Twice is as once.

        Raises:
            NotFound: the project has none of this name.
            Conflict: it has not begun, or was cancelled.
        """
        with self.database.transaction() as connection:
            found = _appointment(connection, connection.execute(_LOCK, _named(project_id, name)).first(), name)
            if found.state == "cancelled":
                raise Conflict("The event was cancelled: nobody was to come.")
            if found.starts_at > now:
                raise Conflict("The event has not begun: cancel it if it does not take place.")
            if found.state != "no_show":
                connection.execute(_END, {"id": found.id, "state": "no_show"})
                later = [one for one in reminders_of(connection, found.id, lock=True) if one.is_follow_up]
                take_back(connection, found, later, NO_SHOW, who)
        return self.get(project_id, str(found.id))


def _create(connection: Connection, project_id: int, key: str, wanted: Wanted, now: datetime) -> UUID | None:
    """The id of a new one; None when there is one of this key."""
    row = {"id": new_id(), "project_id": project_id, "key": key, **_written(wanted)}
    made: UUID | None = connection.execute(_CREATE, row).scalar()
    if made is not None:
        remind(connection, (made, 1), wanted, now)
    return made


def _change(connection: Connection, found: Appointment, wanted: Wanted, who: str, now: datetime) -> None:
    """Make `found`, which is locked, what is wanted."""
    reminders, moved = reminders_of(connection, found.id, lock=True), wanted.is_another_time(found)
    version = found.version + 1 if moved else found.version
    gone = [one for one in reminders if moved or (one.version == version and _is_gone(one, wanted))]
    stopped = take_back(connection, found, gone, MOVED if moved else LEFT_OUT, who)
    # Who was about to be reminded is to be told of the new time, even where that reminder's own has passed.
    owed = {one.before for one in stopped if one.due_at <= now and one.version == found.version}
    connection.execute(_CHANGE, {"id": found.id, "version": version, **_written(wanted)})
    remind(connection, (found.id, version), wanted, now, owed if moved else ())


def _is_gone(one: Reminder, wanted: Wanted) -> bool:
    """Whether one for the same start is wanted no more. With another end, its follow-ups are at another time."""
    due_at = wanted.due.get(one.before)
    return due_at is None or (one.is_follow_up and due_at != one.due_at)


def _written(wanted: Wanted) -> dict[str, Any]:
    return {
        "starts_at": wanted.starts_at,
        "wall_time": wanted.wall_time,
        "timezone": wanted.timezone,
        "offsets": wanted.offsets,
        "request": orjson.dumps(wanted.request).decode(),
        "duration": wanted.duration,
        "follow_up": orjson.dumps(wanted.follow_up).decode() if wanted.follow_up else None,
    }


def _named(project_id: int, name: str) -> dict[str, Any]:
    try:
        identifier = UUID(name)
    except ValueError:
        identifier = None
    return {"project_id": project_id, "name": name, "id": identifier}


def _appointment(connection: Connection, row: Row[Any] | None, name: str) -> Appointment:
    if row is None:
        raise NotFound(f"There is no event {name[:200]} in this project.")
    return appointment_of(row, reminders_of(connection, row.id))


def _with(found: Appointment, reminders: Sequence[Reminder]) -> Appointment:
    waiting = [one.due_at for one in reminders if one.state == "waiting"]
    return replace(found, reminders=tuple(reminders), next_reminder_at=min(waiting, default=None))


def _judged(one: Reminder, states: Mapping[UUID, State]) -> Reminder:
    return replace(one, notification_state=states.get(one.notification_id)) if one.notification_id else one


def _cursor(last: Appointment) -> str:
    return urlsafe_b64encode(f"{last.starts_at.isoformat()} {last.id}".encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[datetime, UUID]:
    try:
        moment, identifier = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(" ")
        found = datetime.fromisoformat(moment)
        if found.tzinfo is None:
            raise ValueError
        return found, UUID(identifier)
    except ValueError:
        raise InvalidInput({"cursor": ["Not a cursor: use `next` of the page before."]}) from None
