"""What was counted for the limits of SMS: which numbers were written to when. A day later it limits nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import text

from services.cleanup.pace import Pace
from shared.ledger.database import Database

_USAGE = text("""
    WITH old AS (
        SELECT delivery_id FROM sms_usage
        WHERE admitted_at < now() - interval '1 day'
        ORDER BY admitted_at LIMIT :size FOR UPDATE SKIP LOCKED)
    DELETE FROM sms_usage u USING old WHERE u.delivery_id = old.delivery_id
""")
# Days are those of UTC, so yesterday's may still be counted into by a worker that began before midnight.
_SPEND = text("""
    WITH old AS (
        SELECT project_id, day FROM sms_spend
        WHERE day < (now() AT TIME ZONE 'UTC')::date - 1
        LIMIT :size FOR UPDATE SKIP LOCKED)
    DELETE FROM sms_spend s USING old WHERE s.project_id = old.project_id AND s.day = old.day
""")


def forget(database: Database, pace: Pace) -> Mapping[str, Any]:
    """Forget what was let through more than a day ago."""
    return asdict(pace.through(_batches(database, pace.size)))


def _batches(database: Database, size: int) -> Iterator[int]:
    for statement in (_USAGE, _SPEND):
        while count := database.execute(statement, {"size": size}):
            yield count
