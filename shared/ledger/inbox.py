"""People's inboxes: in-app notifications are put in, looked at, marked, and followed as they change.

Whoever changes an inbox first locks its row, and numbers the change while it has it. That makes the count of the unread
exact without counting, and lets a stream go on after the last number it has seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, Row, text

from shared.errors import InvalidInput, NotFound
from shared.ledger.database import Database

BELL = "crier_inbox"
"""Where PostgreSQL tells (NOTIFY) which inboxes have changed: their numbers, and nothing else."""

MOST_TOGETHER = 500
"""Notifications put in by one transaction: their inboxes' numbers have to fit one NOTIFY, which takes 8000 bytes."""

MARKED_TOGETHER = 1000

# In one order for everybody, so that two who put something into the same inboxes wait for each other in turn.
_LOCK_MANY = text("""
    INSERT INTO inboxes AS b (project_id, user_id, changes)
    SELECT project_id, user_id, count(*)
    FROM unnest(CAST(:projects AS int[]), CAST(:users AS text[])) AS w (project_id, user_id)
    GROUP BY project_id, user_id ORDER BY project_id, user_id
    ON CONFLICT (project_id, user_id) DO UPDATE SET changes = b.changes + excluded.changes
""")
# What is there already leaves a gap in the numbers, which harms nobody.
_PUT = text(f"""
    WITH given AS (
        SELECT w.*, row_number() OVER (PARTITION BY project_id, user_id ORDER BY id DESC) - 1 AS later
        FROM unnest(CAST(:ids AS uuid[]), CAST(:projects AS int[]), CAST(:users AS text[]), CAST(:contents AS jsonb[]))
          AS w (id, project_id, user_id, content)),
    put AS (
        INSERT INTO inbox (id, inbox_id, arrived, change, content)
        SELECT g.id, b.id, b.changes - g.later, b.changes - g.later, g.content
        FROM given g JOIN inboxes b ON b.project_id = g.project_id AND b.user_id = g.user_id
        ON CONFLICT (id) DO NOTHING RETURNING inbox_id),
    per_inbox AS (SELECT inbox_id, count(*)::int AS count FROM put GROUP BY inbox_id),
    counted AS (UPDATE inboxes b SET unread = unread + p.count FROM per_inbox p WHERE b.id = p.inbox_id)
    SELECT pg_notify('{BELL}', string_agg(inbox_id::text, ' ')) FROM per_inbox HAVING count(*) > 0
""")
_ITEM = "i.id, i.arrived, i.change, i.content, i.created_at, i.read_at, i.archived_at"
_OPEN = text("""
    WITH made AS (
        INSERT INTO inboxes (project_id, user_id) VALUES (:project_id, :user_id)
        ON CONFLICT DO NOTHING RETURNING id, changes, unread)
    SELECT id, changes, unread FROM made
    UNION ALL
    SELECT id, changes, unread FROM inboxes WHERE project_id = :project_id AND user_id = :user_id LIMIT 1
""")
_LOCK = text("""
    SELECT id, changes, unread FROM inboxes WHERE project_id = :project_id AND user_id = :user_id FOR UPDATE
""")
_BOX = text("SELECT id, changes, unread FROM inboxes WHERE project_id = :project_id AND user_id = :user_id")
_MOVED = text("SELECT id, changes FROM inboxes WHERE id = ANY(CAST(:ids AS bigint[]))")
# Joined, so that the items, the count and the number are of the same moment.
_CHANGES = text(f"""
    SELECT w.place, b.changes, b.unread, {_ITEM}
    FROM unnest(CAST(:ids AS bigint[]), CAST(:afters AS bigint[])) WITH ORDINALITY AS w (inbox_id, after, place)
    JOIN inboxes b ON b.id = w.inbox_id
    LEFT JOIN LATERAL (
        SELECT * FROM inbox WHERE inbox_id = w.inbox_id AND change > w.after ORDER BY change LIMIT :most) i ON true
    ORDER BY w.place, i.change
""")
# A receipt as those of mails that were opened: of the first time, shown in the notification's timeline, and news for
# the chain it may be a step of (`Goal.OPENED`).
_OPENED = """
    opened AS (
        INSERT INTO receipts (provider, event_id, body, due_at, outcome, kind, delivery_id, project_id, channel, target,
                              occurred_at)
        SELECT 'inbox', m.id::text, '{}'::jsonb, NULL, 'applied', 'opened', m.id, :project_id, 'inapp', lower(:user_id),
               now()
        FROM marked m
        ON CONFLICT (provider, event_id) DO NOTHING
        RETURNING delivery_id),
    linked AS (
        INSERT INTO chain_news (chain_id, channel, level)
        SELECT d.chain_id, 'inapp', 3 FROM opened o JOIN deliveries d ON d.id = o.delivery_id
        WHERE d.chain_id IS NOT NULL)
"""
_READ_ALL = text(f"""
    WITH first AS (
        SELECT id, row_number() OVER (ORDER BY arrived) AS number FROM inbox
        WHERE inbox_id = :inbox_id AND read_at IS NULL AND archived_at IS NULL AND arrived <= :up_to
        ORDER BY arrived LIMIT {MARKED_TOGETHER}),
    marked AS (
        UPDATE inbox i SET read_at = now(), change = :changes + f.number FROM first f WHERE i.id = f.id
        RETURNING i.id),
    {_OPENED},
    counted AS (SELECT count(*)::int AS count FROM marked),
    written AS (
        UPDATE inboxes b SET unread = b.unread - c.count, changes = b.changes + c.count
        FROM counted c WHERE b.id = :inbox_id AND c.count > 0 RETURNING b.id)
    SELECT c.count, (SELECT pg_notify('{BELL}', id::text) FROM written) FROM counted c
""")


class Mark(StrEnum):
    """What can be done with a notification in an inbox."""

    READ = "read"
    UNREAD = "unread"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"


class Shelf(StrEnum):
    """Which part of an inbox."""

    INBOX = "inbox"
    """Everything that is not archived."""
    UNREAD = "unread"
    ARCHIVED = "archived"


_OF_SHELF = {
    Shelf.INBOX: "archived_at IS NULL",
    Shelf.UNREAD: "archived_at IS NULL AND read_at IS NULL",
    Shelf.ARCHIVED: "archived_at IS NOT NULL",
}
_PAGES = {
    shelf: text(f"""
        SELECT b.changes, b.unread, {_ITEM} FROM inboxes b
        LEFT JOIN LATERAL (
            SELECT * FROM inbox WHERE inbox_id = b.id AND {restricted} AND arrived < :before
            ORDER BY arrived DESC LIMIT :most) i ON true
        WHERE b.project_id = :project_id AND b.user_id = :user_id ORDER BY i.arrived DESC
    """)
    for shelf, restricted in _OF_SHELF.items()
}
# What is set, what it must have been before, whether that was one unread more or less, unless this other is set.
_MARKS = {
    Mark.READ: ("read_at = now()", "read_at IS NULL", -1, "archived_at"),
    Mark.UNREAD: ("read_at = NULL", "read_at IS NOT NULL", 1, "archived_at"),
    Mark.ARCHIVE: ("archived_at = now()", "archived_at IS NULL", -1, "read_at"),
    Mark.UNARCHIVE: ("archived_at = NULL", "archived_at IS NOT NULL", 1, "read_at"),
}
_MARK = {
    mark: text(f"""
        WITH marked AS (
            UPDATE inbox i SET {written}, change = :changes + 1
            WHERE i.id = :id AND i.inbox_id = :inbox_id AND {before} RETURNING {_ITEM}),
        {_OPENED + "," if mark is Mark.READ else ""}
        counted AS (
            UPDATE inboxes b
            SET changes = b.changes + 1, unread = b.unread + CASE WHEN m.{other} IS NULL THEN {more} ELSE 0 END
            FROM marked m WHERE b.id = :inbox_id RETURNING b.id, b.unread)
        SELECT {_ITEM}, c.unread, pg_notify('{BELL}', c.id::text) FROM marked i CROSS JOIN counted c
    """)
    for mark, (written, before, more, other) in _MARKS.items()
}
_ONE = text(f"SELECT {_ITEM} FROM inbox i WHERE i.id = :id AND i.inbox_id = :inbox_id")
_NEWEST = 2**62


@dataclass(frozen=True, slots=True)
class Put:
    """A notification for somebody's inbox. content: as `dump_content` gives it."""

    id: UUID
    project_id: int
    user_id: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """A notification in an inbox.

    Parameters:
        arrived: the number of the change that put it there. change: that of the last one it had.
    """

    id: UUID
    arrived: int
    change: int
    content: Mapping[str, Any]
    created_at: datetime
    read_at: datetime | None
    archived_at: datetime | None


@dataclass(frozen=True, slots=True)
class Box:
    """An inbox: its number, the number of its last change, and how many in it are unread."""

    id: int
    changes: int
    unread: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some of an inbox, newest first. `next` is the cursor of what follows; None at the end."""

    items: Sequence[Item]
    unread: int
    changes: int
    next: str | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened in an inbox after a number: the items as they are now, in the order of their last change.

    Parameters:
        changes: up to which number this is all.
        complete: nothing more had happened.
        unread: when nothing more had.
    """

    items: Sequence[Item]
    changes: int
    unread: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Marked:
    """A notification after it was marked, and how many are unread now."""

    item: Item
    unread: int


@dataclass(frozen=True)
class Inboxes:
    """The inboxes of people."""

    database: Database

    def put(self, many: Sequence[Put]) -> None:
        """Put notifications into inboxes; one that is there already stays as it is. At most `MOST_TOGETHER`."""
        distinct = list({one.id: one for one in many}.values())
        parameters = {
            "ids": [one.id for one in distinct],
            "projects": [one.project_id for one in distinct],
            "users": [one.user_id for one in distinct],
            "contents": [orjson.dumps(one.content).decode() for one in distinct],
        }
        with self.database.transaction() as connection:
            connection.execute(_LOCK_MANY, parameters)
            connection.execute(_PUT, parameters)

    def open(self, project_id: int, user_id: str) -> Box:
        """Somebody's inbox; made when there is none yet, so that it can be followed."""
        with self.database.transaction() as connection:
            asked = {"project_id": project_id, "user_id": user_id}
            found = connection.execute(_OPEN, asked).first() or connection.execute(_BOX, asked).one()
        return Box(found.id, found.changes, found.unread)

    def count(self, project_id: int, user_id: str) -> int:
        """How many are unread."""
        found = self.database.rows(_BOX, {"project_id": project_id, "user_id": user_id})
        return int(found[0].unread) if found else 0

    def page(
        self, project_id: int, user_id: str, shelf: Shelf = Shelf.INBOX, *, limit: int = 50, cursor: str | None = None
    ) -> Page:
        """A page of at most `limit`.

        Raises:
            InvalidInput: the cursor is not one that a page gave.
        """
        asked = {"project_id": project_id, "user_id": user_id, "before": _read(cursor), "most": limit + 1}
        rows = self.database.rows(_PAGES[shelf], asked)
        if not rows:
            return Page((), 0, 0, None)
        items = [_item(row) for row in rows if row.id is not None]
        following = str(items[limit - 1].arrived) if len(items) > limit else None
        return Page(items[:limit], rows[0].unread, rows[0].changes, following)

    def mark(self, project_id: int, user_id: str, identifier: UUID, mark: Mark) -> Marked:
        """Mark a notification; one that is marked so already stays as it is.

        Raises:
            NotFound: this inbox has none of that id.
        """
        asked = {"project_id": project_id, "user_id": user_id, "id": identifier}
        with self.database.transaction() as connection:
            box = _lock(connection, asked)
            if box is None:
                raise NotFound("There is no such notification in this inbox.")
            asked |= {"inbox_id": box.id, "changes": box.changes}
            if marked := connection.execute(_MARK[mark], asked).first():
                return Marked(_item(marked), marked.unread)
            if found := connection.execute(_ONE, asked).first():
                return Marked(_item(found), box.unread)
        raise NotFound("There is no such notification in this inbox.")

    def read_all(self, project_id: int, user_id: str, *, up_to: int | None = None) -> int:
        """Mark everything as read that is not archived; how many that were.

        Parameters:
            up_to: only what had arrived with this change: nobody has seen what came later.
        """
        marked = 0
        asked = {"project_id": project_id, "user_id": user_id}
        while True:
            with self.database.transaction() as connection:
                box = _lock(connection, asked)
                if box is None:
                    return marked
                up_to = box.changes if up_to is None else up_to
                count: int = connection.execute(
                    _READ_ALL, asked | {"inbox_id": box.id, "changes": box.changes, "up_to": up_to}
                ).scalar_one()
            marked += count
            if count < MARKED_TOGETHER:
                return marked

    def changes(self, asked: Sequence[tuple[int, int]], most: int) -> list[Changes]:
        """What happened in inboxes, each given with the number after which; at most `most` items of each."""
        parameters = {"ids": [box for box, _ in asked], "afters": [after for _, after in asked], "most": most}
        rows: list[list[Row[Any]]] = [[] for _ in asked]
        for row in self.database.rows(_CHANGES, parameters):
            rows[row.place - 1].append(row)
        return [_changes(found, after, most) for found, (_, after) in zip(rows, asked, strict=True)]

    def numbers(self, ids: Sequence[int]) -> Mapping[int, int]:
        """The number of the last change of each of these inboxes."""
        return {row.id: row.changes for row in self.database.rows(_MOVED, {"ids": list(ids)})}


def _lock(connection: Connection, asked: Mapping[str, Any]) -> Box | None:
    found = connection.execute(_LOCK, asked).first()
    return Box(found.id, found.changes, found.unread) if found else None


def _changes(rows: Sequence[Row[Any]], after: int, most: int) -> Changes:
    items = [_item(row) for row in rows if row.id is not None]
    if not rows:
        return Changes((), after, 0, complete=True)
    # The last page may be a full one.
    complete = len(items) < most or items[-1].change == rows[0].changes
    return Changes(items, rows[0].changes if complete else items[-1].change, rows[0].unread, complete)


def _item(row: Row[Any]) -> Item:
    return Item(row.id, row.arrived, row.change, row.content, row.created_at, row.read_at, row.archived_at)


def _read(cursor: str | None) -> int:
    if cursor is None:
        return _NEWEST
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        raise InvalidInput({"cursor": ["Not a cursor: use `next` of the page before."]})
    return int(cursor)
