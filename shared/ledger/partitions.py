"""Monthly partitions of what grows, made ahead. `services/cleanup` drops them when nothing in them is live."""

from datetime import UTC, datetime

from sqlalchemy import Connection, text

from shared.ledger.database import Database
from shared.ledger.ids import lowest_id

PARTITIONED = {"notifications": "id", "deliveries": "id", "attempts": "delivery_id"}
"""The partitioned tables, and the column that says when."""
_STORAGE = {"deliveries": " WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)"}


def ensure_partitions(database: Database, *, ahead: int = 3) -> None:
    """Create the partitions of this month and the next `ahead` months where they are missing.

    What a skewed clock has put into the default partition meanwhile moves to where it belongs.
    """
    with database.transaction() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('crier.partitions'))"))
        now: datetime = connection.execute(text("SELECT now()")).scalar_one()
        for step in range(ahead + 1):
            for table, key in PARTITIONED.items():
                _ensure(connection, table, key, _month(now, step))


def _ensure(connection: Connection, table: str, key: str, start: datetime) -> None:
    name = f"{table}_{start:%Y_%m}"
    if connection.execute(text("SELECT to_regclass(:name)"), {"name": name}).scalar_one():
        return
    low, high = lowest_id(start), lowest_id(_month(start, 1))
    for statement in (
        f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS){_STORAGE.get(table, '')}",
        f"LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE",
        f"WITH strays AS (DELETE FROM {table}_default WHERE {key} >= '{low}' AND {key} < '{high}' RETURNING *)"
        f" INSERT INTO {name} SELECT * FROM strays",
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')",
    ):
        connection.execute(text(statement))


def _month(moment: datetime, step: int) -> datetime:
    """The first instant of the month `step` months after `moment`'s."""
    count = moment.astimezone(UTC).year * 12 + moment.astimezone(UTC).month - 1 + step
    return datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)
