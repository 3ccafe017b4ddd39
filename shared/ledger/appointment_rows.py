"""What the ledger says of an appointment and of its reminders, and what is wanted of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from shared.ledger.states import State

STATES = ("scheduled", "cancelled", "past", "no_show")
REMINDER_STATES = ("waiting", "promised", "sent", "cancelled", "missed", "failed")
AFTERWARDS = "+"
"""What the offset of a follow-up begins with: `+2h` is two hours after the end, `2h` two hours before the start."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """One reminder of an appointment, or a follow-up of it.

    Parameters:
        before: how long before, as `Offset` writes it; of a follow-up how long after, as `+2h`.
        version, starts_at: the start it was for.
        state: `sent` is made into a notification, whose own state says what became of it.
        notification_state: of that notification, where it was asked for.
    """

    before: str
    version: int
    starts_at: datetime
    due_at: datetime
    state: str
    notification_id: UUID | None
    reason: str | None
    notification_state: State | None = None

    @property
    def is_follow_up(self) -> bool:
        """Whether it is sent afterwards."""
        return self.before.startswith(AFTERWARDS)


@dataclass(frozen=True, slots=True)
class Appointment:
    """What a project wants people to be reminded of.

    Parameters:
        key: the caller's own name for it. wall_time: of the start, on the clock of `timezone`; naive.
        request: the notification that each reminder is.
        duration: how long it takes, as `Offset` writes it; None: it ends as it begins.
        follow_up: what is sent afterwards: `after`, offsets, and `notification`.
        version: raised whenever it begins at another time.
    """

    id: UUID
    project_id: int
    key: str
    starts_at: datetime
    wall_time: datetime
    timezone: str
    offsets: tuple[str, ...]
    request: Mapping[str, Any]
    duration: str | None
    follow_up: Mapping[str, Any] | None
    state: str
    version: int
    created_at: datetime
    changed_at: datetime
    reminders: tuple[Reminder, ...] = ()
    next_reminder_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an appointment is to be.

    Parameters:
        due: the moment of each reminder by how long before it is, and of each follow-up by `+` and how long after.
    """

    starts_at: datetime
    wall_time: datetime
    timezone: str
    due: Mapping[str, datetime]
    request: Mapping[str, Any] = field(repr=False)
    duration: str | None = None
    follow_up: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def offsets(self) -> list[str]:
        """Of the reminders alone."""
        return [one for one in self.due if not one.startswith(AFTERWARDS)]

    def is_another_time(self, than: Appointment) -> bool:
        """Whether reminders of `than` are none of this: it begins at another time, or did not take place."""
        return than.state != "scheduled" or (self.starts_at, self.timezone) != (than.starts_at, than.timezone)


@dataclass(frozen=True, slots=True)
class Page:
    """Some appointments, the soonest first. `next` is the cursor of what follows; None at the end."""

    items: Sequence[Appointment]
    next: str | None


def appointment_of(row: Row[Any], reminders: Sequence[Reminder] = ()) -> Appointment:
    """An appointment as its row has it."""
    return Appointment(**{**row._mapping, "offsets": tuple(row.offsets)}, reminders=tuple(reminders))


def reminder_of(row: Row[Any]) -> Reminder:
    """A reminder as its row has it."""
    return Reminder(row.before, row.version, row.starts_at, row.due_at, row.state, row.notification_id, row.reason)
