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
                _ensure(connection, table, key, month(now, step))


def _ensure(connection: Connection, table: str, key: str, start: datetime) -> None:
    name = name_of(table, start)
    if connection.execute(text("SELECT to_regclass(:name)"), {"name": name}).scalar_one():
        return
    low, high = lowest_id(start), lowest_id(month(start, 1))
    for statement in (
        creation(table, start),
        f"LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE",
        f"WITH strays AS (DELETE FROM {table}_default WHERE {key} >= '{low}' AND {key} < '{high}' RETURNING *)"
        f" INSERT INTO {name} SELECT * FROM strays",
        attachment(table, start),
    ):
        connection.execute(text(statement))


def name_of(table: str, start: datetime) -> str:
    """What the partition of the month that begins at `start` is called."""
    return f"{table}_{start:%Y_%m}"


def creation(table: str, start: datetime) -> str:
    """The statement that makes a month's table: no partition yet, and without indexes."""
    like = f"(LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
    return f"CREATE TABLE {name_of(table, start)} {like}{_STORAGE.get(table, '')}"


def attachment(table: str, start: datetime) -> str:
    """The statement that makes it a partition, with all indexes."""
    low, high = lowest_id(start), lowest_id(month(start, 1))
    return f"ALTER TABLE {table} ATTACH PARTITION {name_of(table, start)} FOR VALUES FROM ('{low}') TO ('{high}')"


def month(moment: datetime, step: int) -> datetime:
    """The first instant of the month `step` months after `moment`'s."""
    count = moment.astimezone(UTC).year * 12 + moment.astimezone(UTC).month - 1 + step
    return datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)
