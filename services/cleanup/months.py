"""Whole months of history: dropped as three tables, when nothing in them is needed."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, text

from shared.errors import LedgerUnavailable
from shared.ledger.capping import FORGET_UNSENT
from shared.ledger.database import Database
from shared.ledger.partitions import PARTITIONED
from shared.ledger.states import LIVE

_TRIES = 3
_MONTHS = text("""
    SELECT right(c.relname, 7) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'deliveries'::regclass AND c.relname ~ '^deliveries_[0-9]{4}_[0-9]{2}$' ORDER BY 1
""")
# What is gone is no longer accepted: the books of shared/ledger/conservation.py stay even.
_UNCOUNT = text("DELETE FROM tally WHERE minute >= :first AND minute < :end")


class Fate(Enum):
    """What became of a month."""

    DROPPED = "dropped"
    NEEDED = "needed"
    """Something in it is live, or ended too short a time ago."""
    BUSY = "busy"
    """Somebody was using it. Another time."""


@dataclass(frozen=True, slots=True)
class Month:
    """A month of history, e.g. `2026_03`: that of `notifications_2026_03` and its sisters."""

    name: str

    @property
    def start(self) -> datetime:
        """Its first instant."""
        return datetime.strptime(self.name, "%Y_%m").replace(tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first instant of the next month."""
        return (self.start + timedelta(days=31)).replace(day=1)


def months(database: Database) -> list[Month]:
    """Every month that has partitions, oldest first."""
    return [Month(row[0]) for row in database.rows(_MONTHS)]


def drop(database: Database, month: Month, cutoff: datetime, *, pause: float) -> Fate:
    """Drop a month unless something in it is live or ended after `cutoff`.

    Parameters:
        database: its sessions bound how long a lock is waited for, see `yielding_database`.
        pause: seconds before another try, when somebody was using the month.
    """
    # All of it is read, which may take minutes, before any lock is taken.
    with database.statement() as connection:
        if has_live(connection, month) or _has_recent(connection, month, cutoff):
            return Fate.NEEDED
        connection.execute(text(FORGET_UNSENT.format(deliveries=f"deliveries_{month.name}")), {"ids": None})
    for _ in range(_TRIES):
        try:
            return _drop_unless_live(database, month)
        except LedgerUnavailable as error:
            if not isinstance(getattr(error.__cause__, "orig", None), LockNotAvailable):
                raise
        time.sleep(pause)
    return Fate.BUSY


def _drop_unless_live(database: Database, month: Month) -> Fate:
    with database.transaction() as connection:
        # The parents first, as every query does: the other way round a query could wait for us and we for it.
        connection.execute(text(f"LOCK TABLE {_list('ONLY {}')} IN ACCESS EXCLUSIVE MODE"))
        connection.execute(text(f"LOCK TABLE {_list('{}_' + month.name)} IN ACCESS EXCLUSIVE MODE NOWAIT"))
        if has_live(connection, month):
            return Fate.NEEDED
        connection.execute(text(f"DROP TABLE {_list('{}_' + month.name)}"))
        connection.execute(_UNCOUNT, {"first": _minute(month.start), "end": _minute(month.end)})
    return Fate.DROPPED


def has_live(connection: Connection, month: Month) -> bool:
    """Whether something in a month is still to be done.

    Asked so that each part is answered by a partial index of what is live, which is nearly empty: everybody waits
    while it is asked under the lock.
    """
    parts = ("due_at IS NOT NULL AND deaths = 0", "due_at IS NOT NULL AND deaths > 0", "lease_until IS NOT NULL")
    found = " OR ".join(f"EXISTS (SELECT FROM deliveries_{month.name} WHERE {part})" for part in parts)
    return bool(connection.execute(text(f"SELECT {found}")).scalar_one())


def _has_recent(connection: Connection, month: Month, cutoff: datetime) -> bool:
    """What was accepted long ago may have been sent yesterday, and its record is wanted."""
    statement = text(f"""
        SELECT EXISTS (SELECT FROM deliveries_{month.name} WHERE settled_at >= :cutoff OR state = ANY(:live))
            OR EXISTS (SELECT FROM notifications_{month.name} WHERE accepted_at >= :cutoff)
    """)
    return bool(connection.execute(statement, {"cutoff": cutoff, "live": sorted(LIVE)}).scalar_one())


def _list(form: str) -> str:
    return ", ".join(form.format(table) for table in PARTITIONED)


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // 60
