"""Doing something to many rows: those with these ids, or those that match; never to more than was meant.

What matches is walked through oldest first, a chunk a transaction, and a call does no more than `MOST`; `next` leads on
to the rest. What came to be after the first call is left alone: what is replayed and dies again would otherwise be
replayed for ever.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Executable, text

from shared.errors import Conflict, InvalidInput
from shared.ledger.database import Database

CHUNK = 500
MOST = 5_000
NAMED = 100
"""Refusals that are named in an answer; the others are counted."""

Filters = TypeVar("Filters")
_NOW = text("SELECT now()")


@dataclass(frozen=True, slots=True)
class Ids:
    """These."""

    ids: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Matching(Generic[Filters]):
    """All that match.

    Parameters:
        expected: how many that are, as somebody saw them; None for however many.
        cursor: `next` of the call before; what was expected has been checked then.
    """

    filters: Filters
    expected: int | None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """How far a walk is: after the row of this moment and id, among those that were there at `until`."""

    at: datetime
    id: UUID
    until: datetime


@dataclass(frozen=True, slots=True)
class Chunk:
    """What came of some rows.

    Parameters:
        done: how many it was done to.
        refused: why it could not be done to others.
        queues: to ring.
    """

    done: int
    refused: Mapping[UUID, str] = field(default_factory=dict)
    queues: Iterable[str] = ()


@dataclass(slots=True)
class Done:
    """What came of a call.

    Parameters:
        done: how many it was done to. skipped: to how many it could not be; they are as they were.
        refusals: of the first of those, why.
        queues: to ring.
        next: the cursor for the rest; None when there is none.
    """

    done: int = 0
    skipped: int = 0
    refusals: dict[UUID, str] = field(default_factory=dict)
    queues: set[str] = field(default_factory=set)
    next: str | None = None

    def add(self, chunk: Chunk) -> None:
        """Count a chunk."""
        self.done += chunk.done
        self.skipped += len(chunk.refused)
        named = list(chunk.refused.items())[: NAMED - len(self.refusals)]
        self.refusals.update(named)
        self.queues.update(chunk.queues)


Act = Callable[[Sequence[UUID]], Chunk]
"""Does something to some rows, in a transaction."""


@dataclass(frozen=True)
class Search:
    """Finds what matches.

    Parameters:
        following: a statement with the columns at and id: the next `:limit` rows after `:at` and `:id` in their order,
            not later than `:until`.
        count: a statement that counts them, up to `:until`.
        parameters: the other ones of both.
        chunk: rows of a transaction. most: of a call.
    """

    database: Database
    following: Executable
    count: Executable
    parameters: Mapping[str, Any]
    chunk: int = CHUNK
    most: int = MOST

    def walk(self, expected: int | None, cursor: str | None, act: Act) -> Done:
        """Do something to what matches, up to `most`.

        Raises:
            Conflict: other than `expected` match, at the first call.
            InvalidInput: the cursor is not one that a call gave.
        """
        place = read_place(cursor) if cursor else self._start(expected)
        done, seen = Done(), 0
        while seen < self.most:
            asked = {**self.parameters, "until": place.until, "at": place.at, "id": place.id, "limit": self.chunk}
            found = self.database.rows(self.following, asked)
            if found:
                done.add(act([row.id for row in found]))
                place, seen = Place(found[-1].at, found[-1].id, place.until), seen + len(found)
            if len(found) < self.chunk:
                return done
        done.next = cursor_of(place.at, place.id, place.until)
        return done

    def _start(self, expected: int | None) -> Place:
        now: datetime = self.database.rows(_NOW)[0][0]
        if expected is not None:
            found: int = self.database.rows(self.count, {**self.parameters, "until": now})[0][0]
            if found != expected:
                raise Conflict(
                    f"{found} match now, not {expected}: nothing was done. Look at them again, then give that number."
                )
        return Place(datetime.fromtimestamp(0, now.tzinfo), UUID(int=0), now)


def in_chunks(ids: Sequence[UUID], act: Act) -> Done:
    """Do something to these."""
    done = Done()
    for first in range(0, len(ids), CHUNK):
        done.add(act(ids[first : first + CHUNK]))
    return done


def cursor_of(at: datetime, identifier: UUID, *more: datetime) -> str:
    """A cursor after a row."""
    plain = " ".join((at.isoformat(), str(identifier), *(moment.isoformat() for moment in more)))
    return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """The row of a page's cursor. Raises InvalidInput for what is none."""
    identifier, (at,) = _read(cursor, moments=1)
    return at, identifier


def read_place(cursor: str) -> Place:
    """Where a walk is to go on. Raises InvalidInput for what is no such cursor."""
    identifier, (at, until) = _read(cursor, moments=2)
    return Place(at, identifier, until)


def _read(cursor: str, *, moments: int) -> tuple[UUID, list[datetime]]:
    try:
        at, identifier, *more = urlsafe_b64decode(cursor + "==").decode().split(" ")
        found = [datetime.fromisoformat(moment) for moment in (at, *more)]
        if len(found) != moments or any(moment.utcoffset() is None for moment in found):
            raise ValueError(cursor)
        return UUID(identifier), found
    except (Base64Error, ValueError):
        raise InvalidInput({"cursor": ["Not a cursor: use `next` of the page before."]}) from None
