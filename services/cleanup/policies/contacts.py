"""What was counted for frequency caps: who was written to when. Older than the longest window it is counted by none."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import text

from services.cleanup.pace import Pace
from shared.ledger.database import Database

_CONTACTS = text("""
    WITH old AS (
        SELECT delivery_id FROM contacts
        WHERE at < now() - make_interval(secs => (SELECT coalesce(max(seconds), 0) FROM caps))
        ORDER BY at LIMIT :size FOR UPDATE SKIP LOCKED)
    DELETE FROM contacts c USING old WHERE c.delivery_id = old.delivery_id
""")


def forget(database: Database, pace: Pace) -> Mapping[str, Any]:
    """Forget what is out of every cap's window."""
    return asdict(pace.through(_batches(database, pace.size)))


def _batches(database: Database, size: int) -> Iterator[int]:
    while count := database.execute(_CONTACTS, {"size": size}):
        yield count
