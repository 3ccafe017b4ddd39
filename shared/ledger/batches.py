"""Batches: many notifications accepted by one request or one file, with the rows that were refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import Any
from uuid import UUID

import orjson
from cachetools import TLRUCache
from sqlalchemy import Connection, text

from shared.errors import NotFound
from shared.ledger.database import Database
from shared.ledger.states import LIVE, State

_OPEN = text("""
    INSERT INTO batches (id, project_id, request, closed_at)
    VALUES (:id, :project_id, CAST(:request AS jsonb), CASE WHEN :closed THEN now() END)
    ON CONFLICT (id) DO NOTHING
""")
_ERRORS = text("""
    INSERT INTO batch_errors (batch_id, row_number, field, problem)
    SELECT :batch_id, row_number, field, problem
    FROM unnest(CAST(:rows AS int[]), CAST(:fields AS text[]), CAST(:problems AS text[]))
      AS e (row_number, field, problem)
    ON CONFLICT DO NOTHING
""")
_CLOSE = text("""
    UPDATE batches SET closed_at = COALESCE(closed_at, now()), request = request || CAST(:closing AS jsonb)
    WHERE id = :id
""")
_FIND = text("""
    SELECT id, request, created_at, closed_at,
           (SELECT count(DISTINCT row_number) FROM batch_errors WHERE batch_id = id) AS refused
    FROM batches WHERE id = :id AND project_id = :project_id
""")
# `derived_id` gives the rows of a batch the millisecond of its id: the range names their partition and little else.
# A stream belongs to one batch, so one of its rows tells whose the rest are; streams themselves are forgotten in time.
# What is in doubt and still looked into has not ended: it counts as queued, which it is.
_TALLY = text("""
    WITH counted AS MATERIALIZED (
        SELECT stream_id, CASE WHEN state = 'unknown' AND held_at IS NULL THEN 'queued' ELSE state END AS state,
               count(*) AS deliveries
        FROM deliveries WHERE id >= :low AND id < :high GROUP BY 1, 2),
    mine AS MATERIALIZED (
        SELECT s.stream_id FROM (SELECT DISTINCT stream_id FROM counted) s
        CROSS JOIN LATERAL (
            SELECT notification_id FROM deliveries
            WHERE id >= :low AND id < :high AND stream_id = s.stream_id LIMIT 1) d
        JOIN notifications n ON n.id = d.notification_id AND n.batch_id = :id)
    SELECT state, sum(deliveries)::int AS deliveries FROM counted JOIN mine USING (stream_id) GROUP BY state
""")
_ACCEPTED = text("SELECT count(*) AS accepted FROM notifications WHERE batch_id = :id AND id >= :low AND id < :high")
_ERRORS_AFTER = text("""
    SELECT row_number, field, problem FROM batch_errors
    WHERE batch_id = :batch_id AND (row_number, field) > (:row, :field) ORDER BY row_number, field LIMIT :limit
""")

COUNTED_EACH_TIME = 50_000
"""Deliveries from which a batch's progress is remembered for a while."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch to be opened. `request` is what its rows share, as the caller sent it."""

    id: UUID
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row was refused.

    Parameters:
        row: in a file the line its row starts on (the header is line 1); in a list its position, from 1.
        field: the path within the row, e.g. `to.email`.
    """

    row: int
    field: str
    problem: str

    def to_json(self) -> dict[str, Any]:
        return {"row": self.row, "field": self.field, "problem": self.problem}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is.

    Parameters:
        accepted: notifications in the ledger. `refused`: rows that are not.
        states: deliveries by state; a push to three devices has three.
        closed_at: when the last row had been read; None while an upload runs, or when it broke off.
        finished: everything was read, and nothing is waiting or being sent.
    """

    id: UUID
    created_at: datetime
    closed_at: datetime | None
    accepted: int
    refused: int
    states: Mapping[State, int]

    @property
    def finished(self) -> bool:
        return self.closed_at is not None and not any(self.states.get(state) for state in LIVE)


class Batches:
    """Opens, closes and reports on batches.

    Parameters:
        patient: for counting, which takes longer the larger a batch is; None: `database`.
    """

    def __init__(self, database: Database, *, patient: Database | None = None) -> None:
        self.database = database
        self._patient = patient or database
        self._counted: TLRUCache[tuple[int, UUID], Progress] = TLRUCache(1000, _good_until, timer=monotonic)
        self._lock = Lock()

    def open(self, project_id: int, batch: Batch) -> None:
        """Open a batch whose rows come in pieces; harmless when it is open already."""
        with self.database.transaction() as connection:
            open_batch(connection, project_id, batch, closed=False)

    def refuse(self, batch_id: UUID, errors: Sequence[RowError]) -> None:
        """Record rows that were refused; what was recorded before stays as it is."""
        if errors:
            with self.database.transaction() as connection:
                write_errors(connection, batch_id, errors)

    def close(self, batch_id: UUID, closing: Mapping[str, Any]) -> None:
        """Every row has been read. `closing` is added to the batch's request: how many there were, and their digest."""
        self.database.execute(_CLOSE, {"id": batch_id, "closing": orjson.dumps(closing).decode()})

    def request(self, project_id: int, batch_id: UUID) -> Mapping[str, Any] | None:
        """What a batch was opened and closed with; None when there is no such batch."""
        rows = self.database.rows(_FIND, {"id": batch_id, "project_id": project_id})
        return rows[0].request if rows else None

    def progress(self, project_id: int, batch_id: UUID) -> Progress:
        """How far a batch is. A large one is counted every few seconds only, however many ask.

        Raises:
            NotFound: no such batch in this project.
        """
        with self._lock:
            counted = self._counted.get((project_id, batch_id))
        if counted is None:
            counted = self._count(project_id, batch_id)
            with self._lock:
                self._counted[project_id, batch_id] = counted
        return counted

    def _count(self, project_id: int, batch_id: UUID) -> Progress:
        found = self._find(project_id, batch_id)
        low, high = id_range(batch_id)
        bounds = {"id": batch_id, "low": low, "high": high}
        states = {State(row.state): row.deliveries for row in self._patient.rows(_TALLY, bounds)}
        accepted = self._patient.rows(_ACCEPTED, bounds)[0].accepted
        return Progress(found.id, found.created_at, found.closed_at, accepted, found.refused, states)

    def errors(
        self, project_id: int, batch_id: UUID, *, after: tuple[int, str] = (0, ""), limit: int = 100
    ) -> list[RowError]:
        """The refused rows in order, from the one after `after` (row, field).

        Raises:
            NotFound: no such batch in this project.
        """
        self._find(project_id, batch_id)
        parameters = {"batch_id": batch_id, "row": after[0], "field": after[1], "limit": limit}
        rows = self.database.rows(_ERRORS_AFTER, parameters)
        return [RowError(row.row_number, row.field, row.problem) for row in rows]

    def _find(self, project_id: int, batch_id: UUID) -> Any:
        rows = self.database.rows(_FIND, {"id": batch_id, "project_id": project_id})
        if not rows:
            raise NotFound(f"There is no batch {batch_id} in this project.")
        return rows[0]


def _good_until(_: object, progress: Progress, now: float) -> float:
    """Counting a million rows takes most of a second: not more often than every four. Small batches always."""
    deliveries = sum(progress.states.values())
    return now + (deliveries / 250_000 if deliveries >= COUNTED_EACH_TIME else 0.0)


def open_batch(connection: Connection, project_id: int, batch: Batch, *, closed: bool) -> None:
    """Write a batch's row, in a transaction of the caller's."""
    request = orjson.dumps(batch.request).decode()
    connection.execute(_OPEN, {"id": batch.id, "project_id": project_id, "request": request, "closed": closed})


def write_errors(connection: Connection, batch_id: UUID, errors: Sequence[RowError]) -> None:
    """Write refused rows, in a transaction of the caller's."""
    if errors:
        parameters = {
            "batch_id": batch_id,
            "rows": [error.row for error in errors],
            "fields": [error.field for error in errors],
            "problems": [error.problem for error in errors],
        }
        connection.execute(_ERRORS, parameters)


def id_range(parent: UUID) -> tuple[UUID, UUID]:
    """The ids that `derived_id(parent, …)` can make: from the first, to before the second."""
    millisecond = parent.int >> 80
    return UUID(int=millisecond << 80), UUID(int=min(millisecond + 1 << 80, (1 << 128) - 1))
