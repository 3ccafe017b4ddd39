"""A database that policies name: connections that give way, and what its catalog says about a table."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from services.cleanup.declared.file import near
from shared.errors import InvalidInput

Connection = psycopg.Connection[tuple[Any, ...]]

_CONNECT_TIMEOUT = 5
_STATEMENT_TIMEOUT = 60.0
_TIMES = ("timestamp with time zone", "timestamp without time zone", "date")

# All in UTC, and as text in the forms that PostgreSQL reads back exactly. Local to the transaction, for the session
# may belong to a connection pooler.
_SET = """
    SELECT set_config('lock_timeout', %(lock)s, true), set_config('statement_timeout', %(statement)s, true),
           set_config('idle_in_transaction_session_timeout', '5min', true), set_config('TimeZone', 'UTC', true),
           set_config('DateStyle', 'ISO, MDY', true), set_config('IntervalStyle', 'postgres', true),
           set_config('extra_float_digits', '1', true), set_config('bytea_output', 'hex', true),
           set_config('synchronous_commit', 'on', true)
"""
_TABLE = """
    SELECT c.oid, n.nspname, c.relname, c.relkind::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = %(table)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND CASE WHEN %(schema)s::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = %(schema)s END
"""
_TABLES = """
    SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    ORDER BY 1
"""
# With -1 a type is named so that a cast to it neither cuts off nor pads.
_COLUMNS = """
    SELECT attname::text, format_type(atttypid, -1), attgenerated <> '' FROM pg_attribute
    WHERE attrelid = %(oid)s AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_LEAVES = """
    SELECT n.nspname::text, c.relname::text FROM pg_partition_tree(%(oid)s::oid::regclass) t
    JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE t.isleaf AND c.relkind = 'r' ORDER BY c.relname
"""
_HEIRS = """
    SELECT n.nspname || '.' || c.relname FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE i.inhparent = %(oid)s ORDER BY 1
"""
# A key may point at a partition, or at what the table is a partition of: then the table has one derived from it.
_CASCADES = """
    SELECT DISTINCT conrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND confdeltype NOT IN ('a', 'r')
      AND confrelid IN (SELECT %(oid)s::oid UNION SELECT relid FROM pg_partition_tree(%(oid)s::oid::regclass))
    ORDER BY 1
"""
_IS_LEDGER = """
    SELECT count(*) = 4 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND c.relname IN ('deliveries', 'notifications', 'tally', 'ticks')
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its type as PostgreSQL names it, and whether its values are computed."""

    name: str
    type: str
    is_generated: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the catalog has it.

    Parameters:
        leaves: where its rows are: itself, or its partitions.
        cascades: tables whose rows a foreign key deletes or changes along with rows of this one.
        heirs: tables that inherit from it without being its partitions: their rows are seen in it too.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    leaves: tuple[sql.Identifier, ...]
    cascades: tuple[str, ...]
    heirs: tuple[str, ...] = ()

    @property
    def identifier(self) -> sql.Identifier:
        """Its quoted name."""
        return sql.Identifier(self.schema, self.name)

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((one for one in self.columns if one.name == name), None)


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A connection whose every statement is a transaction, unless one is begun."""
    connection = psycopg.connect(
        url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT, application_name="crier cleanup", prepare_threshold=None
    )
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def yielding(
    connection: Connection, lock_timeout: float, statement_timeout: float = _STATEMENT_TIMEOUT
) -> Iterator[None]:
    """A transaction that gives way: whoever serves people goes first.

    Parameters:
        lock_timeout, statement_timeout: seconds.
    """
    with connection.transaction():
        connection.execute(
            _SET, {"lock": f"{lock_timeout * 1000:.0f}ms", "statement": f"{statement_timeout * 1000:.0f}ms"}
        )
        yield


def table_of(connection: Connection, named: str, path: str) -> Table:
    """The table that `named` means: `trips`, or `public.trips`.

    Raises:
        InvalidInput: under `path`, when there is none, it is a view, or it belongs to Crier's own ledger.
    """
    first, dot, second = named.partition(".")
    schema, name = (first, second) if dot else (None, first)
    rows = connection.execute(_TABLE, {"table": name, "schema": schema}).fetchall()
    if not rows:
        tables = [row[0] for row in connection.execute(_TABLES).fetchall()]
        raise InvalidInput({path: [f"There is no table {named!r} in this database.{near(named, tables)}"]})
    oid, schema, name, kind = rows[0]
    if kind not in ("r", "p"):
        raise InvalidInput({path: [f"{named!r} is a view or a foreign table: name the table its rows are in."]})
    ledger = connection.execute(_IS_LEDGER, {"schema": schema}).fetchone()
    if ledger and ledger[0]:
        raise InvalidInput({path: [f"{named!r} is in Crier's own ledger, which has policies of its own: settings."]})
    columns = tuple(Column(*row) for row in connection.execute(_COLUMNS, {"oid": oid}).fetchall())
    leaves = [(schema, name)] if kind == "r" else connection.execute(_LEAVES, {"oid": oid}).fetchall()
    cascades = tuple(row[0] for row in connection.execute(_CASCADES, {"oid": oid}).fetchall())
    heirs = () if kind == "p" else tuple(row[0] for row in connection.execute(_HEIRS, {"oid": oid}).fetchall())
    return Table(schema, name, columns, tuple(sql.Identifier(*leaf) for leaf in leaves), cascades, heirs)


def time_column(table: Table, name: str, path: str) -> Column:
    """The column that says how old a row is.

    Raises:
        InvalidInput: under `path`, when there is none or it is no time.
    """
    column = known_column(table, name, path)
    if column.type not in _TIMES:
        times = [one.name for one in table.columns if one.type in _TIMES]
        there = f" Of {table.name} these are times: {', '.join(times)}." if times else f" {table.name} has none."
        raise InvalidInput({path: [f"{name!r} is {column.type}, and must be a timestamp or a date.{there}"]})
    return column


def known_column(table: Table, name: str, path: str) -> Column:
    """A column by name.

    Raises:
        InvalidInput: under `path`, when there is none.
    """
    if column := table.column(name):
        return column
    hint = near(name, [one.name for one in table.columns])
    raise InvalidInput({path: [f"{table.name} has no column {name!r}.{hint}"]})
