"""Dead letters that nobody looked at in time, and a project's oldest where it has too many. What died stays failed."""

from collections.abc import Iterator, Mapping
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
_PROJECTS = text("SELECT DISTINCT project_id FROM dead_letters")
_TOO_MANY = text("""
    WITH old AS (
        SELECT id FROM dead_letters WHERE project_id IS NOT DISTINCT FROM :project_id
        ORDER BY died_at DESC, id DESC OFFSET :most LIMIT :size)
    DELETE FROM dead_letters l USING old WHERE l.id = old.id
""")


def forget(database: Database, pace: Pace, seconds: float, most: int) -> Mapping[str, Any]:
    """Remove letters of what died more than `seconds` ago, and all but the newest `most`; -1 is no such bound.

    Each project has its own `most`, and so have tasks: who has much that fails takes no room from others.
    """
    removed: dict[str, Any] = {}
    if seconds != -1:
        old = {"seconds": seconds, "size": pace.size}
        removed["too_old"] = asdict(pace.until_none_is_left(lambda: database.execute(_TOO_OLD, old)))
    if most != -1:
        removed["too_many"] = asdict(pace.through(_too_many(database, most, pace.size)))
    return removed


def _too_many(database: Database, most: int, size: int) -> Iterator[int]:
    for row in database.rows(_PROJECTS):
        surplus = {"project_id": row.project_id, "most": most, "size": size}
        while count := database.execute(_TOO_MANY, surplus):
            yield count
