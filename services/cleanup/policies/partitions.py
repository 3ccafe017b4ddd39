"""Partitions of the coming months, before anything falls into them."""

from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import text

from shared.ledger.database import Database
from shared.ledger.partitions import PARTITIONED, ensure_partitions

log = structlog.get_logger(__name__)

MONTHS_AHEAD = 3

_NAMES = text("""
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = ANY(CAST(:tables AS regclass[])) ORDER BY 1
""")
_STRAYS = text("SELECT count(*) FROM (SELECT FROM notifications_default LIMIT 10000) strays")


def add(database: Database) -> Mapping[str, Any]:
    """Create what is missing of this month's and the coming months' partitions.

    Returns:
        `created`: the new tables. `strays`: notifications (counted to 10,000) whose id names a time for which there
        is no month: the clock of a gateway is wrong.
    """
    before = _names(database)
    ensure_partitions(database, ahead=MONTHS_AHEAD)
    created = sorted(_names(database) - before)
    strays: int = database.rows(_STRAYS)[0][0]
    if strays:
        log.warning("notifications lie outside every month: check the gateways' clocks", strays=strays)
    return {"created": created, "strays": strays}


def _names(database: Database) -> set[str]:
    return {row[0] for row in database.rows(_NAMES, {"tables": list(PARTITIONED)})}
