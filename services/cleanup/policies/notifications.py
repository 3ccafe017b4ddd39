"""Old notifications, with their deliveries and attempts. Never one of which anything is still to be done.

Whole months are dropped. What cannot go that way is removed row by row: the default partition, a month that something
live keeps, and the month that a retention of less than a month cuts in two.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, text

from services.cleanup.months import Fate, drop, months
from services.cleanup.pace import Pace
from services.cleanup.policies import leftovers
from shared.ledger.capping import FORGET_UNSENT
from shared.ledger.database import Database
from shared.ledger.ids import lowest_id
from shared.ledger.states import LIVE

log = structlog.get_logger(__name__)

_MONTH = 31
_HIGHEST = UUID(int=(1 << 128) - 1)
# What is gone is no longer accepted: the books of shared/ledger/conservation.py stay even.
_UNCOUNT = """
    INSERT INTO tally (project_id, queue, minute, deliveries)
    SELECT project_id, queue, minute_of(id), -count(*) FROM deliveries_{partition} WHERE id = ANY(:ids) GROUP BY 1, 2, 3
"""
# Found as `shared.ledger.children` says.
_THEIRS = "(id = ANY(:ids) OR (notification_id = ANY(:ids) AND id <> notification_id))"
_CUTOFF = text("SELECT now() - make_interval(days => :days)")


def remove(database: Database, pace: Pace, days: int) -> Mapping[str, Any]:
    """Remove the records of notifications that ended more than `days` days ago.

    Returns:
        The names of months by what became of them, and how many rows went one by one.
    """
    cutoff: datetime = database.rows(_CUTOFF, {"days": days})[0][0]
    fates: dict[Fate, list[str]] = {fate: [] for fate in Fate}
    row_by_row = []
    for month in months(database):
        if month.end <= cutoff:
            fate = drop(database, month, cutoff, pause=pace.pause)
            fates[fate].append(month.name)
            log.info("an old month was looked at", month=month.name, fate=fate.value)
            if fate is Fate.NEEDED:
                row_by_row.append(month.name)
        elif month.start < cutoff and days < _MONTH:
            row_by_row.append(month.name)
    removed = pace.through(_batches(database, [*row_by_row, "default"], cutoff, pace.size))
    hanging = pace.through(leftovers.batches(database, cutoff, pace.size))
    return {
        **{fate.value: names for fate, names in fates.items()},
        "notifications": asdict(removed),
        "leftovers": asdict(hanging),
    }


def _batches(database: Database, partitions: list[str], cutoff: datetime, size: int) -> Iterator[int]:
    for partition in partitions:
        # A delivery lies in the partition of its notification: its id is derived and keeps the time.
        page = text(f"""
            SELECT id FROM notifications_{partition}
            WHERE id > :after AND id < :bound AND accepted_at < :cutoff ORDER BY id LIMIT :size
        """)
        # Ids outside every month were made by a wrong clock: there only the database's own time says what is old.
        bound = _HIGHEST if partition == "default" else lowest_id(cutoff)
        parameters = {"bound": bound, "cutoff": cutoff, "size": size}
        after = UUID(int=0)
        while ids := [row[0] for row in database.rows(page, parameters | {"after": after})]:
            with database.transaction() as connection:
                removed = _remove_ended(connection, partition, ids, cutoff)
            yield removed
            after = ids[-1]


def _remove_ended(connection: Connection, partition: str, ids: list[UUID], cutoff: datetime) -> int:
    """Remove those of `ids` whose every delivery has ended before `cutoff` and is in nobody's hands; how many."""
    of_them = {"ids": ids}
    deliveries = connection.execute(
        text(f"SELECT id, notification_id FROM deliveries_{partition} WHERE {_THEIRS}"), of_them
    ).all()
    ended = text(f"""
        SELECT id FROM deliveries_{partition}
        WHERE {_THEIRS} AND due_at IS NULL AND lease_until IS NULL AND state <> ALL(:live)
          AND (settled_at IS NULL OR settled_at < :cutoff)
        ORDER BY id FOR UPDATE SKIP LOCKED
    """)
    locked = {row.id for row in connection.execute(ended, of_them | {"live": sorted(LIVE), "cutoff": cutoff})}
    kept = {row.notification_id for row in deliveries if row.id not in locked}
    gone = [identifier for identifier in ids if identifier not in kept]
    gone_deliveries = [row.id for row in deliveries if row.notification_id not in kept]
    connection.execute(text(_UNCOUNT.format(partition=partition)), {"ids": gone_deliveries})
    connection.execute(text(FORGET_UNSENT.format(deliveries=f"deliveries_{partition}")), {"ids": gone_deliveries})
    for table, column, values in (
        (f"attempts_{partition}", "delivery_id", gone_deliveries),
        (f"deliveries_{partition}", "id", gone_deliveries),
        ("sealed", "notification_id", gone),
        ("actions", "notification_id", gone),
        (f"notifications_{partition}", "id", gone),
    ):
        connection.execute(text(f"DELETE FROM {table} WHERE {column} = ANY(:values)"), {"values": values})
    return len(gone)
