"""Dead letters that nobody looked at in time, and the oldest where there are too many. What died stays failed."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import text

from services.cleanup.pace import Pace
from shared.ledger.database import Database

_TOO_OLD = text("""
    WITH old AS (
        SELECT id FROM dead_letters WHERE died_at < now() - make_interval(secs => :seconds)
        ORDER BY died_at, id LIMIT :size FOR UPDATE SKIP LOCKED)
    DELETE FROM dead_letters l USING old WHERE l.id = old.id
""")
_BOUND = text("SELECT died_at, id FROM dead_letters ORDER BY died_at DESC, id DESC OFFSET :most LIMIT 1")
_TOO_MANY = text("""
    WITH old AS (
        SELECT id FROM dead_letters WHERE (died_at, id) <= (:died_at, :id)
        ORDER BY died_at, id LIMIT :size FOR UPDATE SKIP LOCKED)
    DELETE FROM dead_letters l USING old WHERE l.id = old.id
""")


def forget(database: Database, pace: Pace, seconds: float, most: int) -> Mapping[str, Any]:
    """Remove letters of what died more than `seconds` ago, and all but the newest `most`; -1 is no such bound."""
    removed: dict[str, Any] = {}
    if seconds != -1:
        old = {"seconds": seconds, "size": pace.size}
        removed["too_old"] = asdict(pace.until_none_is_left(lambda: database.execute(_TOO_OLD, old)))
    if most != -1 and (bound := database.rows(_BOUND, {"most": most})):
        first = {**bound[0]._mapping, "size": pace.size}
        removed["too_many"] = asdict(pace.until_none_is_left(lambda: database.execute(_TOO_MANY, first)))
    return removed
