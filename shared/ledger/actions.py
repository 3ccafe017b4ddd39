"""What people do to notifications: cancel and retry. Recorded, and shown in the timeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from shared.errors import Conflict
from shared.ledger import chain_actions, order
from shared.ledger.chain_ends import over
from shared.ledger.children import children_of
from shared.ledger.database import Database
from shared.ledger.endings import finish, recorded, returned
from shared.ledger.streams import reopen

_EXISTS = text("SELECT chain_id FROM notifications WHERE id = :id AND project_id = :project_id")
# What is in doubt is not sent again; but that it was not sent nobody can promise.
_CANCEL = text(f"""
    WITH stopped AS (
        UPDATE deliveries d
        SET state = CASE WHEN d.doubt THEN 'unknown' ELSE 'cancelled' END, due_at = NULL, lease_until = NULL,
            held_at = CASE WHEN d.doubt THEN now() END, settled_at = now(),
            reason = CASE WHEN d.doubt THEN 'It was cancelled; nobody knows whether it had been sent before.'
                          ELSE 'It was cancelled.' END
        WHERE {children_of(":id")} AND (
            d.state IN ('scheduled', 'queued', 'claimed') OR (d.state = 'unknown' AND d.due_at IS NOT NULL))
        RETURNING {returned("d")}),
    {recorded("stopped")}
    SELECT id, notification_id, state, secret, held_at, ordering_key FROM stopped
""")
# Also while it is being called: a retry of that would go out later. First, so that no state can change in between.
_OUTDATE = text(f"""
    UPDATE deliveries d SET expires_at = least(d.expires_at, now())
    WHERE {children_of(":id")} AND d.state IN ('scheduled', 'queued', 'claimed', 'started', 'unknown')
""")
_LEFT = text(f"""
    SELECT count(*) AS whole,
           count(*) FILTER (WHERE d.state NOT IN ('cancelled', 'expired', 'suppressed', 'failed')) AS out
    FROM deliveries d WHERE {children_of(":id")}
""")
_REQUEUEABLE = text(f"""
    SELECT d.id, d.notification_id, d.project_id, d.queue, d.state, d.secret, d.ordering_key, n.batch_id,
           s.notification_id IS NOT NULL AS sealed, d.expires_at <= now() AS expired, {over("d.chain_id")} AS over
    FROM deliveries d JOIN notifications n ON n.id = d.notification_id
    LEFT JOIN sealed s ON s.notification_id = d.notification_id
    WHERE d.id = ANY(:ids) AND d.state IN ('failed', 'undelivered', 'unknown', 'suppressed') AND d.due_at IS NULL
    ORDER BY d.id FOR UPDATE OF d
""")
_OF = text(f"SELECT id FROM deliveries d WHERE {children_of(':id')}")
_REQUEUE = text("""
    UPDATE deliveries d
    SET state = 'queued', due_at = now(), attempts = 0, deaths = 0, settled_at = NULL, held_at = NULL, doubt = false,
        stream_id = w.stream_id, reason = :reason
    FROM unnest(CAST(:ids AS uuid[]), CAST(:streams AS bigint[])) AS w (id, stream_id) WHERE d.id = w.id
""")
_EXHUME = text("DELETE FROM dead_letters WHERE id = ANY(:ids)")
_RECORD = text("INSERT INTO actions (notification_id, what, who) VALUES (:id, :what, :who)")

NOTHING_TO_RETRY = "Nothing to retry: only what failed, bounced, is suppressed or held as unknown can be sent again."
EXPIRED = "It has expired. Send a new notification instead."
WIPED = "Its code was wiped when it ended. Send a new notification with a new code instead."


@dataclass(frozen=True, slots=True)
class Requeued:
    """What came of sending again.

    Parameters:
        ids: the deliveries that are queued again. refused: the others that could have been, and why they are not.
        queues: to ring.
    """

    ids: Sequence[UUID]
    refused: dict[UUID, str]
    queues: Sequence[str]


@dataclass(frozen=True)
class Actions:
    """Cancel and retry, for one project at a time."""

    database: Database

    def cancel(self, project_id: int, notification_id: UUID, who: str) -> int:
        """Stop every delivery that has not been started; how many were stopped. Of a chain, every step that has not.

        Raises:
            NotFound: no such notification in this project.
            Conflict: every delivery has been started or has ended; or it is a step of a chain.
        """
        with self.database.transaction() as connection:
            found = _find(connection, project_id, notification_id)
            if found is None:
                return chain_actions.cancel(connection, project_id, notification_id, who)
            if found.chain_id:
                raise Conflict(f"It is a step of the chain {found.chain_id}: cancel that.")
            rows = connection.execute(_CANCEL, {"id": notification_id}).all()
            if not rows:
                raise Conflict("It is too late to cancel: everything has been sent, is being sent, or has ended.")
            connection.execute(_RECORD, {"id": notification_id, "what": "cancelled", "who": who})
            finish(connection, rows)
        return len(rows)

    def retry(self, project_id: int, notification_id: UUID, who: str) -> list[str]:
        """Queue again what failed, bounced, is suppressed or is held as unknown; the queues to ring.

        Raises:
            NotFound: no such notification in this project.
            Conflict: nothing to retry, it has expired, its secret was wiped, or its chain has succeeded.
        """
        with self.database.transaction() as connection:
            if _find(connection, project_id, notification_id) is None:
                chain_actions.refuse_retry(connection, project_id, notification_id)
            ids = [row.id for row in connection.execute(_OF, {"id": notification_id})]
            done = requeue(connection, ids, who)
            if not (done.ids or done.refused):
                raise Conflict(NOTHING_TO_RETRY)
            if done.refused:
                raise Conflict(next(iter(done.refused.values())))
        return sorted(done.queues)


def withdraw(connection: Connection, notification_id: UUID, who: str, *, was_made: bool) -> bool:
    """Stop a notification for good, if there is one: what has not been started never is, and what is being sent is not
    tried again. Whether this kept it from being sent: there is none, or nothing of it went out.

    In the caller's transaction.

    Parameters:
        was_made: it is known that there was one. Where there is none any more, its record was removed, long after it
            was sent.
    """
    connection.execute(_OUTDATE, {"id": notification_id})
    rows = connection.execute(_CANCEL, {"id": notification_id}).all()
    if rows:
        connection.execute(_RECORD, {"id": notification_id, "what": "cancelled", "who": who})
        finish(connection, rows)
    left = connection.execute(_LEFT, {"id": notification_id}).one()
    return bool((left.whole == 0 and not was_made) or (rows and left.out == 0))


def requeue(connection: Connection, delivery_ids: Sequence[UUID], who: str) -> Requeued:
    """Queue deliveries again, as if they had just been accepted, and record who did it.

    Those in other states than a retry is for are passed over. One with an ordering key goes to the end of its line.
    """
    rows = connection.execute(_REQUEUEABLE, {"ids": list(delivery_ids)}).all()
    refused = {row.id: why for row in rows if (why := _refused(row))}
    again = [row for row in rows if row.id not in refused]
    if not again:
        return Requeued([], refused, [])
    ids = [row.id for row in again]
    for project_id in sorted({row.project_id for row in again if row.ordering_key}):
        keys = {row.ordering_key for row in again if row.ordering_key and row.project_id == project_id}
        order.lock(connection, project_id, sorted(keys))
    streams = {
        stream: reopen(connection, *stream)
        for stream in sorted({(row.queue, row.project_id, row.batch_id) for row in again}, key=str)
    }
    connection.execute(
        _REQUEUE,
        {
            "ids": ids,
            "streams": [streams[row.queue, row.project_id, row.batch_id] for row in again],
            "reason": "It was sent again by hand.",
        },
    )
    connection.execute(_EXHUME, {"ids": ids})
    order.enqueue(connection, [row.id for row in again if row.ordering_key])
    notifications = sorted({row.notification_id for row in again})
    connection.execute(_RECORD, [{"id": one, "what": "retried", "who": who} for one in notifications])
    return Requeued(ids, refused, sorted({row.queue for row in again}))


def _refused(row: Any) -> str | None:
    if row.expired:
        return EXPIRED
    return str(row.over) if row.over else WIPED if row.secret and not row.sealed else None


def _find(connection: Connection, project_id: int, notification_id: UUID) -> Any:
    """The notification; None when there is none: then it may be a chain."""
    return connection.execute(_EXISTS, {"id": notification_id, "project_id": project_id}).first()
