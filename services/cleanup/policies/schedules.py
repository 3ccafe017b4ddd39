"""Times at which schedules fired long ago, and schedules that ended long ago. What was sent of them stays."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from services.cleanup.pace import Pace
from shared.ledger.database import Database

# Times before a schedule's next one are never written again, so those that are old need not be kept for that.
_FORGET_FIRES = text("""
    DELETE FROM schedule_fires WHERE (schedule_id, fire_time) IN (
        SELECT schedule_id, fire_time FROM schedule_fires
        WHERE fire_time < now() - make_interval(days => :days) AND lease_until IS NULL
        ORDER BY fire_time LIMIT :size FOR UPDATE SKIP LOCKED)
""")
_FORGET_ENDED = text("""
    DELETE FROM schedules WHERE id IN (
        SELECT id FROM schedules WHERE ended_at < now() - make_interval(days => :days)
        ORDER BY ended_at LIMIT :size FOR UPDATE SKIP LOCKED)
""")


def forget(database: Database, pace: Pace, days: int) -> Mapping[str, Any]:
    """Remove times, and schedules that ended, more than `days` days ago."""
    parameters = {"days": days, "size": pace.size}
    fires = pace.until_none_is_left(lambda: database.execute(_FORGET_FIRES, parameters))
    ended = pace.until_none_is_left(lambda: database.execute(_FORGET_ENDED, parameters))
    return {"times": fires.rows, "schedules": ended.rows, "complete": fires.complete and ended.complete}
