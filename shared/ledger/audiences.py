"""Audiences: lists of people, kept for campaigns. Each person once; what doubles another row is told and left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from shared.errors import Conflict, InvalidInput, NotFound
from shared.ledger.audit import record
from shared.ledger.batches import RowError
from shared.ledger.database import Database

_COLUMNS = "id, project_id, name, form, unique_by, members, duplicates, refused, zones, sha256, created_at, closed_at"
_OPEN = text("""
    INSERT INTO audiences (id, project_id, name, form, unique_by)
    SELECT :id, :project_id, :name, :form, :unique_by
    WHERE (SELECT count(*) FROM audiences WHERE project_id = :project_id AND deleted_at IS NULL) < :most
       OR EXISTS (SELECT FROM audiences WHERE id = :id)
    ON CONFLICT (id) DO NOTHING RETURNING id
""")
_THERE = text("SELECT deleted_at FROM audiences WHERE id = :id")
# Shared, so that a deletion comes before or after, and what it finds to remove is all there is.
_NOT_DELETED = "SELECT FROM audiences WHERE id = {id} AND deleted_at IS NULL FOR SHARE"
# In the order of the file: two uploads of the same one at once meet at the same row, and none waits for the other.
_ADD = f"""
    WITH there AS MATERIALIZED ({_NOT_DELETED.format(id="CAST(%(id)s AS uuid)")}),
    given AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(%(rows)s AS jsonb)) AS g (
            number int, key uuid, zone text, recipient jsonb, data jsonb, metadata jsonb)),
    added AS (
        INSERT INTO audience_members (audience_id, number, key, zone, recipient, data, metadata)
        SELECT CAST(%(id)s AS uuid), number, key, zone, recipient, data, metadata FROM given
        WHERE EXISTS (SELECT FROM there) ORDER BY number
        ON CONFLICT DO NOTHING RETURNING number)
    SELECT g.number, m.number AS doubles
    FROM given g JOIN audience_members m ON m.audience_id = CAST(%(id)s AS uuid) AND m.key = g.key
    WHERE m.number <> g.number AND g.number NOT IN (SELECT number FROM added)
"""
_LEAVE_OUT = text(f"""
    WITH there AS MATERIALIZED ({_NOT_DELETED.format(id=":id")})
    INSERT INTO audience_rows (audience_id, row_number, field, problem, doubles)
    SELECT :id, row_number, field, problem, doubles
    FROM unnest(CAST(:rows AS int[]), CAST(:fields AS text[]), CAST(:problems AS text[]), CAST(:doubles AS int[]))
      AS r (row_number, field, problem, doubles)
    WHERE EXISTS (SELECT FROM there)
    ON CONFLICT DO NOTHING
""")
_CLOSE = text(f"""
    UPDATE audiences a
    SET closed_at = coalesce(a.closed_at, now()), sha256 = :sha256,
        members = (SELECT count(*) FROM audience_members WHERE audience_id = :id),
        duplicates = (SELECT count(*) FROM audience_rows WHERE audience_id = :id AND doubles IS NOT NULL),
        refused = (SELECT count(DISTINCT row_number) FROM audience_rows WHERE audience_id = :id AND doubles IS NULL),
        zones = coalesce((
            SELECT jsonb_object_agg(zone, members) FROM (
                SELECT zone, count(*) AS members FROM audience_members
                WHERE audience_id = :id GROUP BY zone) z), '{{}}')
    WHERE id = :id AND deleted_at IS NULL RETURNING {_COLUMNS}
""")
_GET = text(f"SELECT {_COLUMNS} FROM audiences WHERE id = :id AND project_id = :project_id AND deleted_at IS NULL")
_NAMED = text(
    f"SELECT {_COLUMNS} FROM audiences WHERE project_id = :project_id AND name = :name AND deleted_at IS NULL"
)
_PAGE = text(f"""
    SELECT {_COLUMNS} FROM audiences
    WHERE project_id = :project_id AND deleted_at IS NULL AND (CAST(:before AS uuid) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit
""")
_MEMBERS = text("""
    SELECT number, zone, recipient, data, metadata FROM audience_members
    WHERE audience_id = :id AND number > :after ORDER BY number LIMIT :limit
""")
_MEMBERS_OF_ZONE = text("""
    SELECT number, zone, recipient, data, metadata FROM audience_members
    WHERE audience_id = :id AND zone = :zone AND number > :after ORDER BY number LIMIT :limit
""")
_LEFT_OUT = text("""
    SELECT row_number AS row, field, problem, doubles FROM audience_rows
    WHERE audience_id = :id AND (row_number, field) > (:row, :field) ORDER BY row_number, field LIMIT :limit
""")
_USED = text("""
    SELECT name FROM campaigns WHERE audience_id = :id AND ended_at IS NULL LIMIT 1
""")
_DELETE = text("""
    UPDATE audiences SET deleted_at = now() WHERE id = :id AND project_id = :project_id AND deleted_at IS NULL
""")
_LOCK = text("SELECT id FROM audiences WHERE id = :id AND project_id = :project_id AND deleted_at IS NULL FOR UPDATE")
_DELETED = text("""
    SELECT id FROM audiences WHERE deleted_at IS NOT NULL AND emptied_at IS NULL
    ORDER BY deleted_at LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_EMPTY = text("""
    DELETE FROM audience_members WHERE audience_id = :id AND number IN (
        SELECT number FROM audience_members WHERE audience_id = :id ORDER BY number LIMIT :most)
""")
_EMPTY_ROWS = text("""
    DELETE FROM audience_rows WHERE (audience_id, row_number, field) IN (
        SELECT audience_id, row_number, field FROM audience_rows WHERE audience_id = :id LIMIT :most)
""")
_GONE = text("UPDATE audiences SET emptied_at = now(), zones = '{}' WHERE id = :id")

MOST = 10_000
"""Audiences that a project may have."""
DOUBLED = "(row)"
_DELETED_MEANWHILE = "It was deleted after this upload began. Upload it again under a new Idempotency-Key."


@dataclass(frozen=True, slots=True)
class Audience:
    """A list of people.

    Parameters:
        form: how its file was written; the cells of CSV are text until a template says what they are.
        unique_by: what makes a row one person.
        zones: members by time zone; '' for those who have none.
        sha256: of the file.
        closed_at: when its last row had been read; None while it is being loaded, or when that broke off.
    """

    id: UUID
    project_id: int
    name: str
    form: str
    unique_by: str
    members: int
    duplicates: int
    refused: int
    zones: Mapping[str, int]
    sha256: str | None
    created_at: datetime
    closed_at: datetime | None


class Member(NamedTuple):
    """A person of an audience, by the number of his row."""

    number: int
    zone: str
    recipient: Mapping[str, Any]
    data: Mapping[str, Any] | None
    metadata: Mapping[str, str] | None


class Entry(NamedTuple):
    """A member to be: `key` is what makes it one person."""

    number: int
    key: UUID
    zone: str
    recipient: Mapping[str, Any]
    data: Mapping[str, Any] | None
    metadata: Mapping[str, str] | None


class LeftOut(NamedTuple):
    """A row that is no member. `doubles` is the row of the same person, which is one."""

    row: int
    field: str
    problem: str
    doubles: int | None


@dataclass(frozen=True)
class Audiences:
    """The audiences of projects.

    Parameters:
        patient: for what takes longer the larger an audience is; None: `database`.
    """

    database: Database
    most: int = MOST
    patient: Database | None = None

    def open(self, project_id: int, identifier: UUID, name: str, *, form: str, unique_by: str, who: str) -> None:
        """Begin to load one; harmless when it was begun before.

        Raises:
            Conflict: another one is of this name, this one was deleted meanwhile, or the project has too many.
        """
        asked = {
            "id": identifier, "project_id": project_id, "name": name, "form": form, "unique_by": unique_by,
            "most": self.most,
        }  # fmt: skip
        try:
            with self.database.transaction() as connection:
                if connection.execute(_OPEN, asked).first():
                    record(connection, project_id, who, "audience.created", subject=identifier)
                    return
                there = connection.execute(_THERE, {"id": identifier}).first()
        except IntegrityError as error:
            if "audiences_by_name" not in str(error):
                raise
            raise Conflict(
                f"There is an audience of the name {name} already. Delete it, choose another name, or complete its "
                "upload under the Idempotency-Key it was begun with."
            ) from None
        if there is None:
            raise Conflict(f"A project may have {self.most} audiences. Delete one that is needed no more.")
        if there.deleted_at:
            raise Conflict(_DELETED_MEANWHILE)

    def add(self, identifier: UUID, entries: Sequence[Entry]) -> dict[int, int]:
        """Add members; the rows that are none because they double an earlier row, and which.

        What was added before adds nothing.
        """
        first: dict[UUID, int] = {}
        doubles: dict[int, int] = {}
        alone = []
        for entry in entries:
            if entry.key in first:
                doubles[entry.number] = first[entry.key]
            else:
                first[entry.key] = entry.number
                alone.append(entry._asdict())
        rows = orjson.dumps(alone).decode()
        found = dict(self._patient.driver_rows(_ADD, {"id": identifier, "rows": rows})) if alone else {}
        # The first of several here may itself double one that was there before.
        numbers = {number: found.get(of, of) for number, of in doubles.items()} | found
        if numbers:
            self._leave_out(
                identifier, [LeftOut(row, DOUBLED, f"The same person as row {of}.", of) for row, of in numbers.items()]
            )
        return numbers

    def refuse(self, identifier: UUID, errors: Sequence[RowError]) -> None:
        """Record rows that were refused."""
        if errors:
            self._leave_out(identifier, [LeftOut(one.row, one.field, one.problem, None) for one in errors])

    def close(self, identifier: UUID, sha256: str) -> Audience:
        """Every row has been read: count them. Raises Conflict when it was deleted meanwhile."""
        closed = self._patient.rows(_CLOSE, {"id": identifier, "sha256": sha256})
        if not closed:
            raise Conflict(_DELETED_MEANWHILE)
        return _audience(closed[0])

    def get(self, project_id: int, identifier: UUID) -> Audience:
        """An audience of this project. Raises NotFound."""
        rows = self.database.rows(_GET, {"id": identifier, "project_id": project_id})
        if not rows:
            raise _missing(identifier)
        return _audience(rows[0])

    def named(self, project_id: int, name: str) -> Audience:
        """The same by its name or its id. Raises NotFound."""
        rows = self.database.rows(_NAMED, {"name": name, "project_id": project_id})
        if rows:
            return _audience(rows[0])
        try:
            return self.get(project_id, UUID(name))
        except ValueError:
            raise _missing(name) from None

    def page(self, project_id: int, *, limit: int = 50, cursor: str | None = None) -> tuple[list[Audience], str | None]:
        """At most `limit`, newest first, and the cursor of what follows. Raises InvalidInput for one that is none."""
        asked = {"project_id": project_id, "before": read_cursor(cursor), "limit": limit + 1}
        found = [_audience(row) for row in self.database.rows(_PAGE, asked)]
        return found[:limit], str(found[limit - 1].id) if len(found) > limit else None

    def members(self, identifier: UUID, *, after: int = 0, limit: int = 50) -> list[Member]:
        """Members in order, from the one after the number `after`."""
        return [
            Member(**row._mapping)
            for row in self.database.rows(_MEMBERS, {"id": identifier, "after": after, "limit": limit})
        ]

    def left_out(
        self, identifier: UUID, *, after: tuple[int, str] = (0, ""), limit: int = 50
    ) -> list[LeftOut]:  # fmt: skip
        """Rows that are no members, in order, from the one after `after` (row, field)."""
        asked = {"id": identifier, "row": after[0], "field": after[1], "limit": limit}
        return [LeftOut(**row._mapping) for row in self.database.rows(_LEFT_OUT, asked)]

    def remove(self, project_id: int, identifier: UUID, *, who: str) -> None:
        """Delete one; its members are gone within seconds or minutes.

        Raises:
            NotFound: there is none.
            Conflict: a campaign that has not ended needs it.
        """
        with self.database.transaction() as connection:
            if connection.execute(_LOCK, {"id": identifier, "project_id": project_id}).first() is None:
                raise _missing(identifier)
            if used := connection.execute(_USED, {"id": identifier}).first():
                raise Conflict(f"The campaign {used.name} needs it. Cancel or delete that first.")
            connection.execute(_DELETE, {"id": identifier, "project_id": project_id})
            record(connection, project_id, who, "audience.deleted", subject=identifier)

    def sweep(self, most: int = 10_000) -> bool:
        """Remove some members of what was deleted; whether there was anything to remove."""
        with self.database.transaction() as connection:
            found = connection.execute(_DELETED).first()
            if found is None:
                return False
            asked = {"id": found.id, "most": most}
            if not connection.execute(_EMPTY, asked).rowcount and not connection.execute(_EMPTY_ROWS, asked).rowcount:
                connection.execute(_GONE, {"id": found.id})
        return True

    @property
    def _patient(self) -> Database:
        return self.patient or self.database

    def _leave_out(self, identifier: UUID, rows: Sequence[LeftOut]) -> None:
        asked = {
            "id": identifier,
            "rows": [one.row for one in rows],
            "fields": [one.field for one in rows],
            "problems": [one.problem for one in rows],
            "doubles": [one.doubles for one in rows],
        }
        self._patient.execute(_LEAVE_OUT, asked)


def members_of(connection: Connection, audience_id: UUID, zone: str, *, after: int, limit: int) -> list[Member]:
    """Members of a zone ('*' for everybody) in order, in a transaction of the caller's."""
    asked = {"id": audience_id, "zone": zone, "after": after, "limit": limit}
    return [Member(**row._mapping) for row in connection.execute(_MEMBERS if zone == "*" else _MEMBERS_OF_ZONE, asked)]


def read_cursor(cursor: str | None) -> UUID | None:
    """The id that a page's cursor is. Raises InvalidInput."""
    try:
        return UUID(cursor) if cursor else None
    except ValueError:
        raise InvalidInput({"cursor": ["Not a cursor: use `next` of the page before."]}) from None


def _audience(row: Any) -> Audience:
    return Audience(**row._mapping)


def _missing(said: object) -> NotFound:
    return NotFound(f"There is no audience {str(said)[:80]} in this project.")
