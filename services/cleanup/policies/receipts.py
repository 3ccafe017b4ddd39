"""Old receipts: what providers reported, as it came. What came of it stays with the deliveries and suppressions."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import text

from services.cleanup.pace import Pace
from shared.ledger.database import Database

_FORGET = text("""
    WITH old AS (
        SELECT id FROM receipts
        WHERE received_at < now() - make_interval(days => :days)
        ORDER BY received_at LIMIT :size FOR UPDATE SKIP LOCKED)
    DELETE FROM receipts r USING old WHERE r.id = old.id
""")


def forget(database: Database, pace: Pace, days: int) -> Mapping[str, Any]:
    """Remove what came in more than `days` days ago, processed or not."""
    parameters = {"days": days, "size": pace.size}
    return asdict(pace.until_none_is_left(lambda: database.execute(_FORGET, parameters)))
