"""Old in-app notifications, read or not. The count of what is unread goes along."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import text

from services.cleanup.pace import Pace
from shared.ledger.database import Database

# Whoever changes an inbox has its row first; one that somebody has now is left for the next time.
_LOCK = text("""
    SELECT b.id FROM inboxes b WHERE b.id IN (
        SELECT inbox_id FROM inbox WHERE created_at < now() - make_interval(days => :days)
        ORDER BY created_at LIMIT :size)
    ORDER BY b.id FOR UPDATE SKIP LOCKED
""")
# A number of its own for whoever follows the inbox: streams see that it moved, and tell the count.
_EMPTY = text("""
    WITH old AS (
        SELECT id FROM inbox
        WHERE created_at < now() - make_interval(days => :days) AND inbox_id = ANY(CAST(:inboxes AS bigint[]))
        ORDER BY created_at LIMIT :size),
    gone AS (
        DELETE FROM inbox i USING old WHERE i.id = old.id
        RETURNING i.inbox_id, (i.read_at IS NULL AND i.archived_at IS NULL)::int AS unread),
    counted AS (
        UPDATE inboxes b SET unread = b.unread - g.unread, changes = b.changes + 1
        FROM (SELECT inbox_id, sum(unread)::int AS unread FROM gone GROUP BY inbox_id HAVING sum(unread) > 0) g
        WHERE b.id = g.inbox_id)
    SELECT count(*) FROM gone
""")


def empty(database: Database, pace: Pace, days: int) -> Mapping[str, Any]:
    """Remove what was put into inboxes more than `days` days ago."""
    return asdict(pace.until_none_is_left(lambda: _batch(database, {"days": days, "size": pace.size})))


def _batch(database: Database, asked: Mapping[str, Any]) -> int:
    with database.transaction() as connection:
        inboxes = connection.execute(_LOCK, asked).scalars().all()
        return int(connection.execute(_EMPTY, {**asked, "inboxes": inboxes}).scalar_one()) if inboxes else 0
