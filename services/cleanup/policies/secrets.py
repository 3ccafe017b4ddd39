"""One-time codes that nothing needs any more, where the process that should have wiped them died before it could."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.cleanup.pace import Pace
from shared.ledger.database import Database
from shared.ledger.endings import wipe

_PAGE = text("SELECT notification_id FROM sealed WHERE notification_id > :after ORDER BY notification_id LIMIT :size")
_LEFT = text("SELECT count(*) FROM sealed WHERE notification_id = ANY(:ids)")


def wipe_orphaned(database: Database, pace: Pace) -> Mapping[str, Any]:
    """Wipe the codes of notifications that are gone, or whose every delivery has ended."""
    return asdict(pace.through(_pages(database, pace.size)))


def _pages(database: Database, size: int) -> Iterator[int]:
    after = UUID(int=0)
    while ids := [row[0] for row in database.rows(_PAGE, {"after": after, "size": size})]:
        with database.transaction() as connection:
            wipe(connection, ids)
            left: int = connection.execute(_LEFT, {"ids": ids}).scalar_one()
        yield len(ids) - left
        after = ids[-1]
