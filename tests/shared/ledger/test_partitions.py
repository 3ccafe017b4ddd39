"""Partitions are there before they are needed, and put right what came without one."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from shared.ledger.ids import lowest_id
from shared.ledger.partitions import PARTITIONED, ensure_partitions


def partitions(database, table):
    rows = database.rows(
        text("SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = CAST(:t AS regclass)"),
        {"t": table},
    )
    return {row.name for row in rows}


@pytest.mark.parametrize("table", PARTITIONED)
def test_this_month_and_the_next_three_are_there(database, table):
    assert len(partitions(database, table)) == 5
    assert f"{table}_{datetime.now(UTC):%Y_%m}" in partitions(database, table)
    ensure_partitions(database)
    assert len(partitions(database, table)) == 5


def test_a_row_from_a_clock_far_ahead_moves_to_its_month(acceptance, database, project_id, drafts, work):
    ahead = datetime.now(UTC) + timedelta(days=200)
    acceptance.accept(project_id, drafts(1, id=lowest_id(ahead)))
    assert database.rows(text("SELECT count(*) AS n FROM notifications_default"))[0].n == 1
    ensure_partitions(database, ahead=8)
    assert database.rows(text("SELECT count(*) AS n FROM notifications_default"))[0].n == 0
    assert database.rows(text(f"SELECT count(*) AS n FROM notifications_{ahead:%Y_%m}"))[0].n == 1
    assert len(work.claim("sms.normal", 10, 30)) == 1


def test_a_new_partition_has_its_parents_indexes(database):
    [found] = database.rows(
        text("SELECT count(*) AS n FROM pg_indexes WHERE tablename = :t"),
        {"t": f"deliveries_{datetime.now(UTC):%Y_%m}"},
    )
    assert found.n == database.rows(text("SELECT count(*) AS n FROM pg_indexes WHERE tablename = 'deliveries'"))[0].n
