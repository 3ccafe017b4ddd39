"""What the ledger says of a schedule, of the times it fired, and what is to be written of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

COLUMNS = "id, project_id, name, trigger, request, misfire, misfire_grace, state, next_fire_at, created_at, ended_at"


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
    """A notification that is to be accepted under the id it has here. `late`: seconds after its time, when claimed."""

    schedule_id: UUID
    fire_time: datetime
    notification_id: UUID
    project_id: int
    request: Mapping[str, Any]
    late: float = 0.0


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


def schedule_of(row: Row[Any]) -> Schedule:
    """A schedule as its row has it."""
    return Schedule(
        row.id, row.project_id, row.name, row.trigger, row.request, row.misfire, row.misfire_grace, row.state,
        row.next_fire_at, row.created_at, row.ended_at,
    )  # fmt: skip
