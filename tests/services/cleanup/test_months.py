"""A month is dropped only if nothing in it is live at the moment it is dropped."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from services.cleanup.months import Fate, Month, drop, has_live

WAITING = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock')")


@pytest.fixture
def old(now):
    return now - timedelta(days=200)


def test_everything_live_is_seen(history, database, old, live):
    month = Month(history.month(old))
    with database.transaction() as connection:
        assert not has_live(connection, month)
    history.add(old, live)
    with database.transaction() as connection:
        assert has_live(connection, month)


def test_what_is_asked_under_the_lock_is_answered_by_indexes(history, database, old):
    """A month may have a hundred million rows, and everybody waits."""
    month = history.month(old)
    history.add(old, count=1000)
    database.execute(text(f"ANALYZE deliveries_{month}"))
    scans = text("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = :name")
    with database.transaction() as connection:
        before = connection.execute(scans, {"name": f"deliveries_{month}"}).scalar_one()
        assert not has_live(connection, Month(month))
        assert connection.execute(scans, {"name": f"deliveries_{month}"}).scalar_one() == before


def test_what_becomes_live_after_the_month_was_read_keeps_it(history, database, old, now):
    month = Month(history.month(old))
    (retried,) = history.add(old, "failed")
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as retrying:
            retrying.execute(text("UPDATE deliveries SET state = 'queued', due_at = now()"))
            dropping = pool.submit(drop, database, month, now - timedelta(days=90), pause=0)
            deadline = time.monotonic() + 8
            while not database.rows(WAITING)[0][0]:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        assert dropping.result() is Fate.NEEDED
    assert history.is_whole([retried])


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("2026_01", "2026-01-01", "2026-02-01"),
        ("2024_02", "2024-02-01", "2024-03-01"),
        ("2025_12", "2025-12-01", "2026-01-01"),
    ],
)
def test_a_month_ends_where_the_next_begins(name, start, end):
    month = Month(name)
    assert (month.start.isoformat(), month.end.isoformat()) == (f"{start}T00:00:00+00:00", f"{end}T00:00:00+00:00")
