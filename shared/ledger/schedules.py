"""Schedules: made, looked at, paused, resumed and removed. When they fire is in `schedule_fires.py`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from shared.errors import Conflict, InvalidInput, NotFound
from shared.ledger import inserts
from shared.ledger.audit import record
from shared.ledger.database import Database
from shared.ledger.draft import IdempotencyKey
from shared.ledger.schedule_fires import Fires
from shared.ledger.schedule_rows import COLUMNS, Schedule, schedule_of

_NOW = "COALESCE(CAST(:now AS timestamptz), now())"
_CREATE = text(f"""
    INSERT INTO schedules (id, project_id, name, trigger, request, misfire, misfire_grace, next_fire_at)
    SELECT :id, :project_id, :name, CAST(:trigger AS jsonb), CAST(:request AS jsonb), :misfire, :misfire_grace, :next_at
    WHERE (SELECT count(*) FROM schedules WHERE project_id = :project_id AND ended_at IS NULL) < :most
    RETURNING {COLUMNS}
""")
_GET = text(f"SELECT {COLUMNS} FROM schedules WHERE id = :id AND project_id = :project_id")
_LOCK = text(f"SELECT {COLUMNS}, {_NOW} AS now FROM schedules WHERE id = :id AND project_id = :project_id FOR UPDATE")
_PAGE = text(f"""
    SELECT {COLUMNS} FROM schedules
    WHERE project_id = :project_id AND (CAST(:before AS uuid) IS NULL OR id < :before)
      AND (CAST(:state AS text) IS NULL OR state = :state)
    ORDER BY id DESC LIMIT :limit
""")
_SET = text("UPDATE schedules SET state = :state, next_fire_at = :next_at WHERE id = :id")
_REMOVE = text("DELETE FROM schedules WHERE id = :id AND project_id = :project_id")


@dataclass(frozen=True, slots=True)
class SchedulePage:
    """Some schedules, newest first. `next` is the cursor of what follows; None at the end."""

    items: Sequence[Schedule]
    next: str | None


@dataclass(frozen=True)
class Schedules:
    """The schedules of projects.

    Parameters:
        most: schedules that a project may have at once, those that have ended not counted.

    Every `now` is for tests: None is the database's clock.
    """

    database: Database
    most: int = 10_000

    @property
    def fires(self) -> Fires:
        """The times they fired."""
        return Fires(self.database)

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
        return schedule_of(made)

    def page(
        self, project_id: int, *, state: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> SchedulePage:
        """A page of at most `limit`.

        Raises:
            InvalidInput: the cursor is not one that a page gave.
        """
        asked = {"project_id": project_id, "state": state, "before": _read(cursor), "limit": limit + 1}
        found = [schedule_of(row) for row in self.database.rows(_PAGE, asked)]
        return SchedulePage(found[:limit], str(found[limit - 1].id) if len(found) > limit else None)

    def get(self, project_id: int, identifier: UUID) -> Schedule:
        """A schedule of this project. Raises NotFound."""
        rows = self.database.rows(_GET, {"id": identifier, "project_id": project_id})
        if not rows:
            raise _missing(identifier)
        return schedule_of(rows[0])

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


def _locked(
    connection: Connection, project_id: int, identifier: UUID, now: datetime | None = None
) -> tuple[Schedule, datetime]:
    row = connection.execute(_LOCK, {"id": identifier, "project_id": project_id, "now": now}).first()
    if row is None:
        raise _missing(identifier)
    if row.state == "ended":
        raise Conflict("It has ended: none of its times is left. Make a new schedule.")
    return schedule_of(row), row.now


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value).decode()


def _read(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor else None
    except ValueError:
        raise InvalidInput({"cursor": ["Not a cursor: use `next` of the page before."]}) from None


def _missing(identifier: UUID) -> NotFound:
    return NotFound(f"There is no schedule {identifier} in this project.")
