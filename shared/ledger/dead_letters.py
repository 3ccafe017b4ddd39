"""Dead letters: the deliveries and tasks that were given up, for people to look at.

A delivery's letter is written by whoever ends it (`shared.ledger.endings`), a task's by `shared.ledger.dead_tasks`.
What happened to one is in `shared.ledger.post_mortem`, what people do with them in `shared.ledger.replay`. A letter
that is removed leaves its delivery failed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.ledger.chosen import cursor_of, read_cursor
from shared.ledger.database import Database


class Kind(StrEnum):
    """What died."""

    DELIVERY = "delivery"
    TASK = "task"


class Why(StrEnum):
    """Why it died."""

    REFUSED = "refused"
    """The provider said no, for good."""
    EXHAUSTED = "exhausted"
    """Every attempt failed."""
    POISON = "poison"
    """Every worker that took it died."""
    NOT_COMPOSED = "not-composed"
    """No message could be made of it: the template or the data is wrong."""
    LIMIT = "limit"
    """A limit did not let it through while it was worth anything."""
    GIVEN_UP = "given-up"
    """Nobody knew whether it was sent, and a person decided that it was not."""
    UNKNOWN_ACTOR = "unknown-actor"
    """No service knows the task."""
    UNREADABLE = "unreadable"
    """It was no message of ours."""


# A value for each letter: for an EXISTS the planner would read all deliveries once instead.
MATCHES = """
    l.kind = :kind AND (l.kind = 'task' OR l.project_id = :project_id)
    AND (CAST(:queue AS text) IS NULL OR l.queue = :queue)
    AND (CAST(:channel AS text) IS NULL OR split_part(l.queue, '.', 1) = :channel)
    AND (CAST(:why AS text) IS NULL OR l.why = :why)
    AND (CAST(:name AS text) IS NULL OR l.name = :name)
    AND (CAST(:code AS text) IS NULL OR l.code = :code)
    AND (CAST(:died_after AS timestamptz) IS NULL OR l.died_at >= :died_after)
    AND (CAST(:died_before AS timestamptz) IS NULL OR l.died_at < :died_before)
    AND (CAST(:template AS text) IS NULL OR (
        SELECT :template IN (t.name, t.name || '@' || t.version)
        FROM deliveries d JOIN notifications n ON n.id = d.notification_id
        JOIN template_versions t ON t.id = n.template_id WHERE d.id = l.id))
"""
COLUMNS = """
    l.id, l.kind, l.queue, l.name, l.why, l.code, l.detail, l.died_at, d.notification_id, d.target,
    (SELECT t.name || '@' || t.version FROM notifications n JOIN template_versions t ON t.id = n.template_id
     WHERE n.id = d.notification_id) AS template
"""
FROM = "FROM dead_letters l LEFT JOIN deliveries d ON d.id = l.id AND l.kind = 'delivery'"
_NEWEST = text(f"""
    SELECT {COLUMNS} {FROM}
    WHERE {MATCHES} AND (CAST(:before AS timestamptz) IS NULL OR (l.died_at, l.id) < (:before, :last))
    ORDER BY l.died_at DESC, l.id DESC LIMIT :limit
""")
_COUNT = text(f"SELECT count(*) FROM dead_letters l WHERE {MATCHES}")
_TALLY = text("SELECT kind, why, count(*) AS letters FROM dead_letters GROUP BY kind, why")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which letters; None does not restrict.

    Parameters:
        name: the provider that was asked last, or the task's actor.
        code: the provider's.
        template: a name, or name and version (`welcome@3`).
    """

    kind: Kind = Kind.DELIVERY
    queue: str | None = None
    channel: str | None = None
    why: Why | None = None
    name: str | None = None
    code: str | None = None
    template: str | None = None
    died_after: datetime | None = None
    died_before: datetime | None = None

    def parameters(self, project_id: int) -> dict[str, Any]:
        """Those of `MATCHES`."""
        return {"project_id": project_id, **{name: getattr(self, name) for name in self.__slots__}}


@dataclass(frozen=True, slots=True)
class Letter:
    """That something died.

    Parameters:
        id: the delivery's; of a task, its message's or its run's.
        name: the provider that was asked last, or the task's actor.
        detail: the last thing that was said of it.
        notification_id, target, template: of a delivery whose record is still there.
    """

    id: UUID
    kind: Kind
    queue: str
    name: str | None
    why: str
    code: str | None
    detail: str | None
    died_at: datetime
    notification_id: UUID | None
    target: str | None
    template: str | None


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Some letters, newest first. `next` is the cursor of what follows; None at the end."""

    items: Sequence[Letter]
    next: str | None


@dataclass(frozen=True)
class DeadLetters:
    """Looks at dead letters: a project's, and those of tasks, which belong to none."""

    database: Database

    def page(self, project_id: int, filters: Filters, *, limit: int = 50, cursor: str | None = None) -> LetterPage:
        """A page of at most `limit`.

        Raises:
            InvalidInput: the cursor is not one that a page gave.
        """
        before, last = read_cursor(cursor) if cursor else (None, None)
        parameters = filters.parameters(project_id) | {"before": before, "last": last, "limit": limit + 1}
        rows = self.database.rows(_NEWEST, parameters)
        items = [Letter(**letter_of(row)) for row in rows[:limit]]
        return LetterPage(items, cursor_of(items[-1].died_at, items[-1].id) if len(rows) > limit else None)

    def count(self, project_id: int, filters: Filters) -> int:
        """How many match."""
        found: int = self.database.rows(_COUNT, filters.parameters(project_id))[0][0]
        return found

    def tally(self) -> dict[tuple[str, str], int]:
        """How many there are of all projects, by kind and why."""
        return {(row.kind, row.why): row.letters for row in self.database.rows(_TALLY)}


def letter_of(row: Any) -> dict[str, Any]:
    """The fields of a `Letter`, from a row of `COLUMNS`."""
    return {name: getattr(row, name) for name in Letter.__slots__} | {"kind": Kind(row.kind)}


def no_letter(letter_id: UUID) -> str:
    """What to say of an id that is no letter's."""
    return f"There is no dead letter {letter_id}: it is not dead, was replayed or purged, or had grown too old."
