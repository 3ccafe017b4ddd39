"""Old idempotency keys: a request that comes again so late is a new one."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import text

from services.cleanup.pace import Pace
from shared.ledger.database import Database

_FORGET = text("""
    WITH old AS (
        SELECT project_id, key FROM idempotency_keys
        WHERE created_at < now() - make_interval(secs => :keep)
        ORDER BY created_at LIMIT :size FOR UPDATE SKIP LOCKED)
    DELETE FROM idempotency_keys k USING old WHERE k.project_id = old.project_id AND k.key = old.key
""")


def forget(database: Database, pace: Pace, keep: float) -> Mapping[str, Any]:
    """Forget keys first used more than `keep` seconds ago."""
    parameters = {"keep": keep, "size": pace.size}
    return asdict(pace.until_none_is_left(lambda: database.execute(_FORGET, parameters)))
