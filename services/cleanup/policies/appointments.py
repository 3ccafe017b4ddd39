"""Events of long ago, which the ledger calls appointments, with their reminders. What was sent of them stays."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import text

from services.cleanup.pace import Pace
from shared.ledger.database import Database

# What follows an event may be due long after it.
_FORGET = text("""
    WITH old AS (
        SELECT a.id FROM appointments a
        WHERE a.starts_at < now() - make_interval(days => :days)
          AND NOT EXISTS (SELECT FROM reminders r WHERE r.appointment_id = a.id AND r.next_at IS NOT NULL)
        ORDER BY a.starts_at LIMIT :size FOR UPDATE SKIP LOCKED)
    DELETE FROM appointments a USING old WHERE a.id = old.id
""")


def forget(database: Database, pace: Pace, days: int) -> Mapping[str, Any]:
    """Remove what was to begin more than `days` days ago, took place or not, unless it has something still to send."""
    parameters = {"days": days, "size": pace.size}
    return asdict(pace.until_none_is_left(lambda: database.execute(_FORGET, parameters)))
