"""Old messages of the outbox, which hold what people were to be told, codes included."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import text

from services.cleanup.pace import Pace
from shared.ledger.database import Database

_EMPTY = text("""
    WITH old AS (
        SELECT delivery_id FROM outbox
        WHERE kept_at < now() - make_interval(days => :days)
        ORDER BY kept_at LIMIT :size FOR UPDATE SKIP LOCKED)
    DELETE FROM outbox o USING old WHERE o.delivery_id = old.delivery_id
""")


def empty(database: Database, pace: Pace, days: int) -> Mapping[str, Any]:
    """Remove messages kept more than `days` days ago."""
    parameters = {"days": days, "size": pace.size}
    return asdict(pace.until_none_is_left(lambda: database.execute(_EMPTY, parameters)))
