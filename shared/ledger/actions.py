"""What people do to notifications: cancel and retry. Recorded, and shown in the timeline."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from shared.errors import Conflict, NotFound
from shared.ledger.database import Database
from shared.ledger.work import wipe

_EXISTS = text("SELECT FROM notifications WHERE id = :id AND project_id = :project_id")
_CANCEL = text("""
    UPDATE deliveries SET state = 'cancelled', due_at = NULL, lease_until = NULL, settled_at = now(),
           reason = 'It was cancelled.'
    WHERE notification_id = :id AND state IN ('scheduled', 'queued', 'claimed')
    RETURNING id, secret
""")
_RETRYABLE = text("""
    SELECT d.id, d.queue, d.stream_id, d.secret, s.notification_id IS NOT NULL AS sealed, n.batch_id,
           d.expires_at <= now() AS expired
    FROM deliveries d JOIN notifications n ON n.id = d.notification_id
    LEFT JOIN sealed s ON s.notification_id = d.notification_id
    WHERE d.notification_id = :id AND d.state IN ('failed', 'undelivered', 'unknown')
    ORDER BY d.id FOR UPDATE OF d
""")
_REOPEN = text("""
    INSERT INTO streams (queue, project_id, batch_id) VALUES (:queue, :project_id, :batch_id)
    ON CONFLICT (queue, project_id, batch_id) DO UPDATE SET queue = excluded.queue RETURNING id
""")
_RETRY = text("""
    UPDATE deliveries SET state = 'queued', due_at = now(), attempts = 0, deaths = 0, settled_at = NULL,
           stream_id = :stream_id, reason = 'It was sent again by hand.'
    WHERE id = :id
""")
_RECORD = text("INSERT INTO actions (notification_id, what, who) VALUES (:id, :what, :who)")


@dataclass(frozen=True)
class Actions:
    """Cancel and retry, for one project at a time."""

    database: Database

    def cancel(self, project_id: int, notification_id: UUID, who: str) -> int:
        """Stop every delivery that has not been started; how many were stopped.

        Raises:
            NotFound: no such notification in this project.
            Conflict: every delivery has been started or has ended.
        """
        with self.database.transaction() as connection:
            _must_exist(connection, project_id, notification_id)
            rows = connection.execute(_CANCEL, {"id": notification_id}).all()
            if not rows:
                raise Conflict("It is too late to cancel: everything has been sent, is being sent, or has ended.")
            connection.execute(_RECORD, {"id": notification_id, "what": "cancelled", "who": who})
            wipe(connection, [notification_id] if any(row.secret for row in rows) else [])
        return len(rows)

    def retry(self, project_id: int, notification_id: UUID, who: str) -> list[str]:
        """Queue again what failed, bounced or is held as unknown; the queues to ring.

        Raises:
            NotFound: no such notification in this project.
            Conflict: nothing to retry, it has expired, or its secret was wiped.
        """
        with self.database.transaction() as connection:
            _must_exist(connection, project_id, notification_id)
            rows = connection.execute(_RETRYABLE, {"id": notification_id}).all()
            if not rows:
                raise Conflict("Nothing to retry: only what failed, bounced or is held as unknown can be sent again.")
            if any(row.expired for row in rows):
                raise Conflict("It has expired. Send a new notification instead.")
            if any(row.secret and not row.sealed for row in rows):
                raise Conflict("Its code was wiped when it ended. Send a new notification with a new code instead.")
            for row in rows:
                stream = {"queue": row.queue, "project_id": project_id, "batch_id": row.batch_id}
                stream_id = connection.execute(_REOPEN, stream).scalar_one()
                connection.execute(_RETRY, {"id": row.id, "stream_id": stream_id})
            connection.execute(_RECORD, {"id": notification_id, "what": "retried", "who": who})
        return sorted({row.queue for row in rows})


def _must_exist(connection: Connection, project_id: int, notification_id: UUID) -> None:
    if connection.execute(_EXISTS, {"id": notification_id, "project_id": project_id}).first() is None:
        raise NotFound(f"There is no notification {notification_id} in this project.")
