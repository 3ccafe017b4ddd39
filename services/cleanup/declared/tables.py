"""Old rows of a table: deleted in batches, or archived first.

A batch is one transaction: its rows are locked with SKIP LOCKED, so that no writer is waited for and none waits for
longer than a batch, and deleted by where they lie (`ctid`), so that no primary key is needed. What somebody holds or
has just changed is left for the next run.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from services.cleanup.declared.archive import Archive
from services.cleanup.declared.catalog import (
    Connection,
    Table,
    connected,
    known_column,
    table_of,
    time_column,
    yielding,
)
from services.cleanup.declared.cleaner import FEW, Preview, Tell, walk
from services.cleanup.declared.policy import Condition, TablePolicy
from services.cleanup.pace import Pace
from shared.errors import Conflict, InvalidInput

_PREVIEW_TIMEOUT = 600.0
_CUTOFF = "SELECT now() - %(age)s"
_PREVIEW = sql.SQL("""
    SELECT count(*), min({column})::text, max({column})::text, coalesce(sum(pg_column_size(t.*)), 0)::bigint
    FROM {table} t WHERE {condition}
""")
_MORE_THAN_FEW = sql.SQL("SELECT count(*) FROM (SELECT FROM {table} WHERE {condition} LIMIT %(few)s + 1) old")
# The first is what an index answers, and nearly always enough.
_SOME_STAY = sql.SQL("""
    SELECT EXISTS (SELECT FROM {table} WHERE {column} >= {cutoff})
        OR EXISTS (SELECT FROM {table} WHERE ({condition}) IS NOT TRUE)
""")
# What was changed since it was chosen has a new place, which this statement does not see: it stays.
_DELETE = sql.SQL("""
    WITH old AS MATERIALIZED (
        SELECT ctid FROM ONLY {table} WHERE {condition} ORDER BY {column} LIMIT %(size)s FOR UPDATE SKIP LOCKED)
    DELETE FROM ONLY {table} WHERE ctid = ANY (ARRAY (SELECT ctid FROM old)) AND {condition}
""")
# By the table's column: what is chosen has one of that name too, which is text and in no index.
_CHOOSE = sql.SQL("""
    SELECT ctid::text, {columns} FROM ONLY {table} AS rows
    WHERE {condition} ORDER BY rows.{column} LIMIT %(size)s FOR UPDATE SKIP LOCKED
""")
_DELETE_THESE = sql.SQL("DELETE FROM ONLY {table} WHERE ctid = ANY (CAST(%(places)s AS tid[]))")


@dataclass(frozen=True)
class Tables:
    """A policy on a table, with its database.

    Parameters:
        path: of the policy in the file, for what is wrong with it.
        lock_timeout: seconds a lock is waited for.
    """

    policy: TablePolicy
    url: str
    path: str
    lock_timeout: float

    def check(self) -> None:
        """See `Cleaner`."""
        with self._found() as (connection, rows), yielding(connection, self.lock_timeout):
            # Planned, not run: what a condition compares with must be of the column's type.
            self._planned(connection, rows)
        if self.policy.archive:
            self._archive(rows.table).check(f"{self.path}.archive")

    def preview(self) -> Preview:
        """See `Cleaner`."""
        with self._found() as (connection, rows), yielding(connection, self.lock_timeout, _PREVIEW_TIMEOUT):
            connection.execute("SET TRANSACTION READ ONLY")
            self._planned(connection, rows)
            found = connection.execute(rows.statement(_PREVIEW, rows.table.identifier), rows.parameters).fetchone()
            assert found is not None  # noqa: S101
            count, oldest, newest, size = found
            return Preview(count, oldest, newest, size, self._emptied(connection, rows))

    def run(self, pace: Pace, tell: Tell) -> Mapping[str, Any]:
        """See `Cleaner`."""
        with self._found() as (connection, rows):
            with yielding(connection, self.lock_timeout):
                self._planned(connection, rows)
                if refusal := self._emptied(connection, rows):
                    raise InvalidInput({f"{self.path}.may_empty": [refusal]})
            if not self.policy.archive:
                return asdict(walk(pace, self._deleted(connection, rows, pace.size), tell))
            archive = self._archive(rows.table)
            settled = archive.settle(connection)
            return {**asdict(walk(pace, self._archived(connection, rows, archive, pace.size), tell)), **settled}

    @contextmanager
    def _found(self) -> Iterator[tuple[Connection, "_Rows"]]:
        with connected(self.url) as connection:
            with yielding(connection, self.lock_timeout):
                connection.execute("SET TRANSACTION READ ONLY")
                table = table_of(connection, self.policy.table, f"{self.path}.table")
                rows = self._rows(connection, table)
            yield connection, rows

    def _rows(self, connection: Connection, table: Table) -> "_Rows":
        if table.heirs:
            names = ", ".join(table.heirs)
            raise InvalidInput(
                {f"{self.path}.table": [f"Tables inherit from {table.name}: write policies for {names}."]}
            )
        column = time_column(table, self.policy.column, f"{self.path}.column")
        if table.cascades and (self.policy.archive or not self.policy.cascades):
            names = ", ".join(table.cascades)
            remedy = (
                "they would not be archived: archive those first, by a policy of their own, and let the key restrict."
                if self.policy.archive
                else "say `cascades = true` if that is meant."
            )
            raise InvalidInput({f"{self.path}.cascades": [f"Foreign keys take rows of {names} along; {remedy}"]})
        first = connection.execute(_CUTOFF, {"age": self.policy.older_than}).fetchone()
        assert first is not None  # noqa: S101
        cutoff: datetime = first[0]
        bound: sql.Composable = sql.SQL("CAST(%(cutoff)s AS timestamptz)")
        if column.type != "timestamp with time zone":
            bound = sql.SQL("(CAST(%(cutoff)s AS timestamptz) AT TIME ZONE CAST(%(timezone)s AS text))")
        if column.type == "date":  # old when the whole day is: what is valid until today is valid today
            bound = sql.SQL("CAST({} AS date)").format(bound)
        parameters: dict[str, Any] = {"cutoff": cutoff, "timezone": self.policy.timezone}
        parts: list[sql.Composable] = [sql.SQL("{} < {}").format(sql.Identifier(column.name), bound)]
        for number, one in enumerate(self.policy.where):
            typed = known_column(table, one.column, f"{self.path}.where").type
            parts.append(_compared(one, typed, f"where{number}"))
            if one.value is not None:
                parameters[f"where{number}"] = _texts(one.value)
        return _Rows(table, sql.Identifier(column.name), bound, sql.SQL(" AND ").join(parts), parameters)

    def _planned(self, connection: Connection, rows: "_Rows") -> None:
        statement = sql.SQL("EXPLAIN ") + rows.statement(_PREVIEW, rows.table.identifier)
        try:
            with connection.transaction():
                connection.execute(statement, rows.parameters)
        except psycopg.DataError as error:
            raise InvalidInput({f"{self.path}.where": [f"A value does not fit its column: {_line(error)}"]}) from error
        except psycopg.ProgrammingError as error:
            raise InvalidInput({f"{self.path}.where": [f"It cannot be compared so: {_line(error)}"]}) from error

    def _emptied(self, connection: Connection, rows: "_Rows") -> str | None:
        """Why not: because nothing would be left, which a wrong column or age would look like."""
        if self.policy.may_empty:
            return None
        parameters = rows.parameters | {"few": FEW}
        many = connection.execute(rows.statement(_MORE_THAN_FEW, rows.table.identifier), parameters).fetchone()
        if many is None or many[0] <= FEW:
            return None
        stay = connection.execute(rows.statement(_SOME_STAY, rows.table.identifier), rows.parameters).fetchone()
        if stay is None or stay[0]:
            return None
        return f"Every row of {rows.table.name} would go. If that can happen, say `may_empty = true`."

    def _deleted(self, connection: Connection, rows: "_Rows", size: int) -> Iterator[int]:
        parameters = rows.parameters | {"size": size}
        for leaf in rows.table.leaves:
            statement = rows.statement(_DELETE, leaf)
            while True:
                with yielding(connection, self.lock_timeout):
                    count = connection.execute(statement, parameters).rowcount
                if not count:
                    break
                yield count

    def _archived(self, connection: Connection, rows: "_Rows", archive: Archive, size: int) -> Iterator[int]:
        parameters = rows.parameters | {"size": size}
        kept = [one for one in rows.table.columns if not one.is_generated]
        columns = sql.SQL(", ").join(sql.SQL("CAST({} AS text)").format(sql.Identifier(one.name)) for one in kept)
        for leaf in rows.table.leaves:
            choose, delete = rows.statement(_CHOOSE, leaf, columns), rows.statement(_DELETE_THESE, leaf)
            while True:
                file = None
                with yielding(connection, self.lock_timeout):
                    chosen = connection.execute(choose, parameters).fetchall()
                    if chosen:
                        file = archive.write(connection, kept, [row[1:] for row in chosen])
                        gone = connection.execute(delete, {"places": [row[0] for row in chosen]}).rowcount
                        if gone != len(chosen):
                            raise Conflict(
                                f"{len(chosen)} rows of {rows.table.name} were archived, and {gone} could be deleted: "
                                "does a trigger or row security keep some? Nothing was done."
                            )
                if file is None:
                    break
                archive.keep(file)
                yield len(chosen)

    def _archive(self, table: Table) -> Archive:
        assert self.policy.archive is not None  # noqa: S101
        return Archive(self.policy.archive / self.policy.name, self.policy.name, f"{table.schema}.{table.name}")


@dataclass(frozen=True)
class _Rows:
    """Which rows are old: a condition with its parameters."""

    table: Table
    column: sql.Identifier
    cutoff: sql.Composable
    condition: sql.Composed
    parameters: dict[str, Any]

    def statement(self, form: sql.SQL, table: sql.Identifier, columns: sql.Composable | None = None) -> sql.Composed:
        return form.format(
            table=table,
            column=self.column,
            cutoff=self.cutoff,
            condition=self.condition,
            columns=columns or sql.SQL(""),
        )


def _compared(one: Condition, type_name: str, parameter: str) -> sql.Composed:
    """A condition in SQL. The type's name is the catalog's own, quoted where that is needed."""
    column = sql.Identifier(one.column)
    value, typed = sql.Placeholder(parameter), sql.SQL(type_name)
    if one.operator in ("in", "not in"):
        form = "{} = ANY (CAST({} AS {}[]))" if one.operator == "in" else "{} <> ALL (CAST({} AS {}[]))"
        return sql.SQL(form).format(column, value, typed)
    if one.value is None:
        return sql.SQL("{} IS NULL" if one.operator == "is null" else "{} IS NOT NULL").format(column)
    operator = sql.SQL("<>" if one.operator == "!=" else one.operator)
    return sql.SQL("{} {} CAST({} AS {})").format(column, operator, value, typed)


def _texts(value: Any) -> Any:
    """As PostgreSQL reads any type: text."""
    return [str(one) for one in value] if isinstance(value, list) else str(value)


def _line(error: psycopg.Error) -> str:
    return str(error).splitlines()[0]
