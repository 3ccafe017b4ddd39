"""Reminders that are due become notifications: promised, made and noted, each step by whoever finds it missing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from shared.ledger.appointment_rows import AFTERWARDS
from shared.ledger.database import Database
from shared.ledger.ids import new_id

LAST_CALL = timedelta(seconds=15)
"""So long before an event nothing is sent of it any more: what is being sent at that moment has ended by its start."""

LEASE = timedelta(seconds=30)
"""After which somebody else makes the notification that was promised."""

OUTDONE = "A later reminder of the event was due as well; only that one was sent."
BEGUN = "The event began before it could be sent."
STALE = "It could not be sent within a day."

KEPT_READY = timedelta(days=1)
"""So long after its moment a follow-up is still sent."""

_NOW = "coalesce(CAST(:now AS timestamptz), now())"
_FOLLOWS = f"starts_with(r.before, '{AFTERWARDS}')"
_OVER = f"""CASE WHEN {_FOLLOWS} THEN r.due_at <= {_NOW} - make_interval(secs => {KEPT_READY.total_seconds()})
            ELSE r.starts_at <= {_NOW} + make_interval(secs => {LAST_CALL.total_seconds()}) END"""
# Of several that are due at once the latest is sent. What failed, or was sent already, outdoes those before it too.
_DUE = text(f"""
    SELECT r.appointment_id, r.version, r.before, r.due_at, r.state, r.notification_id, {_NOW} AS now,
           {_FOLLOWS} AS follows, {_OVER} AS over,
           EXISTS (
               SELECT FROM reminders o
               WHERE o.appointment_id = r.appointment_id AND o.version = r.version AND o.due_at <= {_NOW}
                 AND o.state IN ('waiting', 'promised', 'sent', 'failed')
                 AND (o.due_at, o.before) > (r.due_at, r.before)) AS outdone
    FROM reminders r WHERE r.next_at <= {_NOW}
    ORDER BY r.next_at LIMIT :size FOR UPDATE OF r SKIP LOCKED
""")
_PROMISE = text("""
    UPDATE reminders r
    SET state = w.state, notification_id = w.notification_id, reason = w.reason,
        next_at = CASE WHEN w.state = 'promised' THEN CAST(:until AS timestamptz) END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:befores AS text[]), CAST(:states AS text[]),
                CAST(:notifications AS uuid[]), CAST(:reasons AS text[]))
      AS w (id, version, before, state, notification_id, reason)
    WHERE r.appointment_id = w.id AND r.version = w.version AND r.before = w.before
""")
_WHOSE = text("SELECT appointment_id FROM reminders WHERE notification_id = ANY(:ids)")
_HOLD = text("SELECT id FROM appointments WHERE id = ANY(:ids) ORDER BY id FOR SHARE")
_PROMISED = text(f"""
    SELECT r.notification_id, r.starts_at, r.due_at, a.project_id, a.timezone, {_NOW} AS now, {_FOLLOWS} AS follows,
           CASE WHEN {_FOLLOWS} THEN a.follow_up->'notification' ELSE a.request END AS request
    FROM reminders r JOIN appointments a ON a.id = r.appointment_id
    WHERE r.notification_id = ANY(:ids) AND r.state = 'promised' ORDER BY r.due_at, r.notification_id
""")
_MADE = text("SELECT id FROM notifications WHERE id = ANY(:ids)")
_SETTLE = text(f"""
    WITH held AS MATERIALIZED (
        SELECT r.appointment_id, r.version, r.before, w.state, w.reason
        FROM reminders r
        JOIN unnest(CAST(:ids AS uuid[]), CAST(:states AS text[]), CAST(:reasons AS text[])) AS w (id, state, reason)
          ON w.id = r.notification_id
        ORDER BY r.notification_id FOR UPDATE OF r)
    UPDATE reminders r
    SET next_at = NULL,
        state = CASE WHEN w.state = 'failed' AND {_OVER} THEN 'missed' ELSE w.state END,
        reason = CASE WHEN w.state = 'failed' AND {_OVER} THEN CASE WHEN {_FOLLOWS} THEN :stale ELSE :begun END
                      ELSE w.reason END
    FROM held w
    WHERE r.appointment_id = w.appointment_id AND r.version = w.version AND r.before = w.before
""")
_END = text(f"""
    UPDATE appointments SET state = 'past'
    WHERE id IN (
        SELECT id FROM appointments WHERE state = 'scheduled' AND starts_at <= {_NOW} ORDER BY starts_at LIMIT :size
        FOR UPDATE SKIP LOCKED)
""")


@dataclass(frozen=True, slots=True)
class Promised:
    """A reminder whose notification is to be made now, under the id that was written down for it.

    Parameters:
        follows: it is sent after the event.
        now: by the database's clock.
    """

    notification_id: UUID
    project_id: int
    starts_at: datetime
    due_at: datetime
    timezone: str
    follows: bool
    request: Mapping[str, Any] = field(repr=False)
    now: datetime


@dataclass
class Handover:
    """Reminders to make notifications of, and what came of it.

    Parameters:
        done: ids of notifications that are there. refused: why the others will never be.
    """

    promised: Sequence[Promised]
    done: list[UUID] = field(default_factory=list)
    refused: dict[UUID, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reminders:
    """The reminders of every project, as the relay sees them."""

    database: Database

    def promise(self, *, size: int, now: datetime | None = None) -> tuple[list[UUID], int]:
        """Write down under which id each of the reminders that are due will be a notification; those whose lease has
        ended keep theirs.

        Any number of relays may do so at once.

        Parameters:
            size: reminders at most. now: the database's clock when None; so everywhere here.

        Returns:
            The ids, and how many reminders were looked at: as many as `size`, and there may be more.
        """
        with self.database.transaction() as connection:
            due = connection.execute(_DUE, {"now": now, "size": size}).all()
            if not due:
                return [], 0
            judged = [(row, *_judge(row)) for row in due]
            connection.execute(
                _PROMISE,
                {
                    "ids": [row.appointment_id for row, *_ in judged],
                    "versions": [row.version for row, *_ in judged],
                    "befores": [row.before for row, *_ in judged],
                    "states": [state for _, state, _, _ in judged],
                    "notifications": [identifier for _, _, identifier, _ in judged],
                    "reasons": [reason for *_, reason in judged],
                    "until": due[0].now + LEASE,
                },
            )
        return [identifier for _, state, identifier, _ in judged if state == "promised" and identifier], len(due)

    @contextmanager
    def handing_over(self, ids: Sequence[UUID], *, now: datetime | None = None) -> "Iterator[Handover]":
        """What of `ids` is still to be made, while nobody can move or cancel it; settled at the end of the block."""
        with self.database.transaction() as connection:
            of = connection.execute(_WHOSE, {"ids": list(ids)}).scalars().all()
            connection.execute(_HOLD, {"ids": sorted(set(of))})
            # Asked anew, once nobody can change them any more.
            rows = connection.execute(_PROMISED, {"ids": list(ids), "now": now}).all()
            handover = Handover([Promised(**row._mapping) for row in rows])
            yield handover
            refused = list(handover.refused)
            made = {row.id for row in connection.execute(_MADE, {"ids": refused})} if refused else set()
            # A notification that is there was made before, by one who could not say so any more.
            failed = {one: why for one, why in handover.refused.items() if one not in made}
            settled = [*handover.done, *refused]
            if settled:
                connection.execute(
                    _SETTLE,
                    {
                        "now": now,
                        "begun": BEGUN,
                        "stale": STALE,
                        "ids": settled,
                        "states": ["failed" if one in failed else "sent" for one in settled],
                        "reasons": [failed.get(one) for one in settled],
                    },
                )

    def end(self, *, size: int = 1000, now: datetime | None = None) -> int:
        """Have those be past that have begun; how many."""
        return self.database.execute(_END, {"now": now, "size": size})


def _judge(row: Row[Any]) -> tuple[str, UUID | None, str | None]:
    """The state of a reminder that is due, the id of its notification, and why not."""
    if row.state == "waiting" and row.over:
        return "missed", None, STALE if row.follows else BEGUN
    if row.state == "waiting" and row.outdone:
        return "missed", None, OUTDONE
    return "promised", row.notification_id or new_id(), None
