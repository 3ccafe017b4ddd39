"""Array literals of PostgreSQL, for statements that take columns of many rows.

psycopg writes lists element by element, at a microsecond each: more than PostgreSQL needs for the row.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID


def uuids(values: Iterable[UUID]) -> str:
    """For `CAST(… AS uuid[])`."""
    return _literal([value.hex for value in values])


def numbers(values: Iterable[float]) -> str:
    """For `int[]`, `bigint[]` or `float[]`."""
    return _literal([repr(value) for value in values])


def booleans(values: Iterable[bool]) -> str:
    """For `boolean[]`."""
    return _literal(["t" if value else "f" for value in values])


def texts(values: Sequence[str | None]) -> str:
    """For `text[]`."""
    if values and values.count(values[0]) == len(values):
        return _literal([_quoted(values[0])] * len(values))
    return _literal([_quoted(value) for value in values])


def _literal(parts: Iterable[str]) -> str:
    return "{" + ",".join(parts) + "}"


def _quoted(value: str | None) -> str:
    return "NULL" if value is None else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
