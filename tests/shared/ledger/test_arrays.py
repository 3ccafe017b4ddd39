"""Columns of values reach PostgreSQL as they are."""

from uuid import UUID

import pytest

from shared.ledger import arrays


@pytest.mark.parametrize(
    ("kind", "write", "values"),
    [
        ("uuid", arrays.uuids, [UUID(int=1), UUID(int=(1 << 128) - 1)]),
        ("int", arrays.numbers, [0, -1, 2**31 - 1]),
        ("float", arrays.numbers, [0.0, 1e-9, 1e300, float("inf")]),
        ("bool", arrays.booleans, [True, False]),
        ("text", arrays.texts, ['"', "\\", "a\\nb\n", "{x,y}", "", "NULL", "null", None, " ", "Grüße 👋", "'", "%s"]),
        ("text", arrays.texts, [None, None]),
        ("text", arrays.texts, ['a "b"', 'a "b"']),
        ("text", arrays.texts, []),
    ],
)
def test_a_column_arrives_as_it_was(database, kind, write, values):
    [(found,)] = database.driver_rows(f"SELECT %(values)s::{kind}[]", {"values": write(values)})
    assert found == values
