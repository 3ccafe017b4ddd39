"""The peer's side of PostgreSQL: one table, prepared statements, pooled connections."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from psycopg.types.json import Json
from sqlalchemy.pool import QueuePool

_TABLE = """
    CREATE TABLE messages (
        id uuid PRIMARY KEY,
        channel text NOT NULL,
        target text NOT NULL,
        data jsonb NOT NULL,
        state text NOT NULL DEFAULT 'queued',
        accepted_at timestamptz NOT NULL DEFAULT now(),
        sending_at timestamptz,
        sent_at timestamptz
    ) WITH (fillfactor = 70)
"""
_INSERT = "INSERT INTO messages (id, channel, target, data) VALUES (%s, %s, %s, %s)"
_SENDING = "UPDATE messages SET state = 'sending', sending_at = now() WHERE id = %s"
_SENT = "UPDATE messages SET state = 'sent', sent_at = now() WHERE id = %s"

Row = tuple[str, str, str, Mapping[str, Any]]
"""Id, channel, target, the template's variables."""


def make_tables(database_url: str) -> None:
    """The peer's schema."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_TABLE)


class Rows:
    """What the peer's processes do to the table. Each statement commits by itself.

    Parameters:
        connections: most at once, for all threads of the process.
    """

    def __init__(self, database_url: str, *, connections: int) -> None:
        def connect() -> Any:
            return psycopg.connect(database_url, autocommit=True)

        self._pool = QueuePool(connect, pool_size=connections, max_overflow=0, reset_on_return=None)

    def insert(self, row: Row) -> None:
        """Add one row."""
        with self._connection() as connection:
            connection.execute(_INSERT, _values(row))

    def insert_many(self, rows: Sequence[Row]) -> None:
        """Add many rows in one transaction."""
        with self._connection() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(_INSERT, [_values(row) for row in rows])

    def sending(self, identifier: str) -> None:
        """Its provider is about to be called."""
        with self._connection() as connection:
            connection.execute(_SENDING, [identifier])

    def sent(self, identifier: str) -> None:
        """Its provider took it."""
        with self._connection() as connection:
            connection.execute(_SENT, [identifier])

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        pooled = self._pool.connect()
        try:
            yield cast(psycopg.Connection[Any], pooled.dbapi_connection)
        finally:
            pooled.close()


def _values(row: Row) -> tuple[Any, ...]:
    return (*row[:3], Json(row[3]))
