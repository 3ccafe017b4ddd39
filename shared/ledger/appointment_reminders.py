"""The reminders of one appointment: written when it is made or moved, and taken back when it is moved or cancelled.

Everything here is done by who has locked the appointment's row.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from shared.ledger.actions import withdraw
from shared.ledger.appointment_rows import Appointment, Reminder, Wanted, reminder_of

TOO_LATE = "Its time had passed already."

_OF = text("SELECT * FROM reminders WHERE appointment_id = :id ORDER BY version, due_at, before")
_LOCK_OF = text("SELECT * FROM reminders WHERE appointment_id = :id ORDER BY version, due_at, before FOR UPDATE")
_TAKE_BACK = text("""
    UPDATE reminders SET state = 'cancelled', next_at = NULL, reason = :reason
    WHERE appointment_id = :id AND version = :version AND before = ANY(:befores)
""")
_REMIND = text("""
    INSERT INTO reminders AS r (appointment_id, version, before, starts_at, due_at, next_at, state, reason)
    VALUES (:id, :version, :before, :starts_at, :due_at, CASE WHEN :state = 'waiting' THEN :due_at END, :state, :reason)
    ON CONFLICT (appointment_id, version, before) DO UPDATE
    SET due_at = excluded.due_at, next_at = excluded.next_at, state = excluded.state, reason = excluded.reason,
        notification_id = NULL
    WHERE r.state = 'cancelled'
""")


def reminders_of(connection: Connection, identifier: UUID, *, lock: bool = False) -> list[Reminder]:
    """Those of an appointment, of earlier starts too."""
    return [reminder_of(row) for row in connection.execute(_LOCK_OF if lock else _OF, {"id": identifier})]


def remind(
    connection: Connection, at: tuple[UUID, int], wanted: Wanted, now: datetime, owed: Collection[str] = ()
) -> None:
    """Write the reminders of an appointment's version that are not there yet.

    Parameters:
        owed: those that are sent even where their moment has passed.
    """
    if not wanted.due:
        return
    connection.execute(
        _REMIND,
        [
            {
                "id": at[0], "version": at[1], "before": before, "starts_at": wanted.starts_at, "due_at": due_at,
                "state": "waiting" if due_at > now or before in owed else "missed",
                "reason": None if due_at > now or before in owed else TOO_LATE,
            }
            for before, due_at in wanted.due.items()
        ],
    )  # fmt: skip


def take_back(
    connection: Connection, found: Appointment, reminders: Sequence[Reminder], reason: str, who: str
) -> list[Reminder]:
    """Keep reminders from being sent; those that were to be, and now never are."""
    stopped = [
        one
        for one in reminders
        if one.state == "waiting"
        or (
            one.state in ("promised", "sent")
            and one.notification_id
            and withdraw(connection, one.notification_id, who, was_made=one.state == "sent")
        )
    ]
    for version in sorted({one.version for one in stopped}):
        befores = [one.before for one in stopped if one.version == version]
        connection.execute(_TAKE_BACK, {"id": found.id, "version": version, "befores": befores, "reason": reason})
    return stopped
