"""Puts archived rows back where they came from."""

from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from services.cleanup.declared.archive import Archive, Archived, read, restored, restoring
from services.cleanup.declared.catalog import Connection, Table, connected, known_column, table_of, yielding
from services.cleanup.declared.policy import TablePolicy
from shared.errors import InvalidInput

_TIMEOUT = 600.0
_STAGE = sql.SQL("CREATE TEMP TABLE crier_restored ({columns}) ON COMMIT DROP")
_COPY = sql.SQL("COPY crier_restored FROM STDIN")
# A row whose key somebody has taken since stays as it is now.
_INSERT = sql.SQL("""
    INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {values} FROM crier_restored ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a file: rows that are in the table again, and rows whose key was there already."""

    file: Path
    rows: int
    were_there: int


def restore(policy: TablePolicy, url: str, path: str, files: list[Path], lock_timeout: float) -> list[Restored]:
    """Put the rows of `files` back; each file in one transaction, after which it is called `.restored`.

    Parameters:
        path: of the policy in the file of policies.

    Raises:
        InvalidInput: a file is none of this policy's, damaged, or was restored before; the table lost a column.
    """
    with connected(url) as connection:
        with yielding(connection, lock_timeout):
            table = table_of(connection, policy.table, f"{path}.table")
        named = f"{table.schema}.{table.name}"
        for folder in sorted({file.resolve().parent for file in files}):
            Archive(folder, policy.name, named).settle(connection)
        contents = [(file, _checked(file, named, table)) for file in files]
        return [_restore(connection, file, content, table, lock_timeout) for file, content in contents]


def _checked(file: Path, named: str, table: Table) -> Archived:
    done = file.with_name(f"{file.name}.restored")
    if file.suffix == ".restored" or (not file.exists() and done.exists()):
        raise InvalidInput({str(file): ["It was restored before. To do it again, take `.restored` off its name."]})
    if not file.exists():
        raise InvalidInput({str(file): ["There is no such file; a crash's leftovers were settled just now."]})
    if file.suffix != ".gz":
        raise InvalidInput({str(file): ["Only files that end in .jsonl.gz have rows to restore."]})
    content = read(file)
    if content.table != named:
        raise InvalidInput({str(file): [f"Its rows are of {content.table}, and the policy is on {named}."]})
    for column in content.columns:
        known_column(table, column, str(file))
    return content


def _restore(connection: Connection, file: Path, content: Archived, table: Table, lock_timeout: float) -> Restored:
    columns = [sql.Identifier(name) for name in content.columns]
    # The column's type of today, as the catalog names it.
    values = [
        sql.SQL("CAST({} AS {})").format(sql.Identifier(one.name), sql.SQL(one.type))
        for one in (known_column(table, name, str(file)) for name in content.columns)
    ]
    stage = _STAGE.format(columns=sql.SQL(", ").join(sql.SQL("{} text").format(column) for column in columns))
    insert = _INSERT.format(
        table=table.identifier, columns=sql.SQL(", ").join(columns), values=sql.SQL(", ").join(values)
    )
    with yielding(connection, lock_timeout, _TIMEOUT):
        marked = restoring(file, connection)
        connection.execute(stage)
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in content.rows:
                copy.write_row(row)
        count = connection.execute(insert).rowcount
    return Restored(restored(marked), count, len(content.rows) - count)
