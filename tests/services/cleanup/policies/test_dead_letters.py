"""Dead letters go by age and by number; what died stays as it is."""

from math import inf

import pytest
from sqlalchemy import text

from services.cleanup.pace import Pace
from services.cleanup.policies.dead_letters import forget

HOUR = 3600
PACE = Pace(size=3, pause=0, limit=inf)


@pytest.fixture
def hours(database):
    """How many hours ago those died whose letters are kept, the newest first."""
    database.execute(
        text("""
            INSERT INTO dead_letters (id, kind, queue, why, died_at)
            SELECT gen_random_uuid(), 'task', n::text, 'poison', now() - make_interval(hours => n)
            FROM generate_series(0, 9) n
        """)
    )
    return lambda: [int(row.queue) for row in database.rows(text("SELECT queue FROM dead_letters ORDER BY died_at"))]


def test_the_old_go_in_batches_and_the_young_stay(ledger, hours):
    assert forget(ledger, PACE, 5.5 * HOUR, -1) == {"too_old": {"rows": 4, "complete": True}}
    assert hours() == [5, 4, 3, 2, 1, 0]


def test_the_newest_of_too_many_stay(ledger, hours):
    assert forget(ledger, PACE, -1, 4) == {"too_many": {"rows": 6, "complete": True}}
    assert hours() == [3, 2, 1, 0]
    assert forget(ledger, PACE, -1, 4)["too_many"]["rows"] == 0


def test_who_has_too_many_takes_no_room_from_others(ledger, hours):
    ledger.execute(text("UPDATE dead_letters SET project_id = 7 WHERE queue::int > 7"))
    forget(ledger, PACE, -1, 4)
    assert hours() == [9, 8, 3, 2, 1, 0]


def test_both_can_be_switched_off(ledger, hours):
    assert forget(ledger, PACE, -1, -1) == {}
    assert len(hours()) == 10


def test_a_failed_delivery_stays_failed_and_keeps_its_record(ledger, history, now):
    ids = history.add(now, "failed")
    ledger.execute(
        text("""
            INSERT INTO dead_letters (id, kind, queue, why, died_at)
            SELECT id, 'delivery', queue, 'refused', now() - interval '2 days' FROM deliveries
        """)
    )
    assert forget(ledger, PACE, 24 * HOUR, 10_000)["too_old"]["rows"] == 1
    assert history.is_whole(ids)
