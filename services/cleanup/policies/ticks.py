"""Old runs of periodic jobs. The last one of a job stays: from it the relay sees what was missed since."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import text

from services.cleanup.pace import Pace
from shared.ledger.database import Database

_FORGET = text("""
    WITH old AS (
        SELECT t.job, t.tick FROM ticks t
        WHERE t.started_at < now() - make_interval(days => :days)
          AND EXISTS (SELECT FROM ticks newer WHERE newer.job = t.job AND newer.tick > t.tick)
        LIMIT :size FOR UPDATE SKIP LOCKED)
    DELETE FROM ticks t USING old WHERE t.job = old.job AND t.tick = old.tick
""")


def forget(database: Database, pace: Pace, days: int) -> Mapping[str, Any]:
    """Forget ticks begun more than `days` days ago."""
    parameters = {"days": days, "size": pace.size}
    return asdict(pace.until_none_is_left(lambda: database.execute(_FORGET, parameters)))
