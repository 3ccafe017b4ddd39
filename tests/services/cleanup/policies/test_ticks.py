"""Old runs are forgotten, but not when a job last ran, nor what somebody is at."""

from datetime import timedelta
from math import inf

from sqlalchemy import text

from services.cleanup.pace import Pace
from services.cleanup.policies.ticks import forget
from shared.ledger.ticks import Ticks

PACE = Pace(size=3, pause=0, limit=inf)


def test_old_ticks_go_except_the_last_of_each_job(database, ledger, now):
    ticks = Ticks(database)
    last = now - timedelta(days=40)
    for job in ("daily", "other"):
        for days in range(10, -1, -1):
            assert ticks.claim(job, last - timedelta(days=days))
    database.execute(text("UPDATE ticks SET started_at = tick"))
    assert forget(ledger, PACE, 30) == {"rows": 20, "complete": True}
    assert [ticks.last(job).tick for job in ("daily", "other")] == [last, last]


def test_young_ticks_and_late_runs_of_old_ones_stay(database, ledger, now):
    ticks = Ticks(database)
    for days in (40, 20, 0):
        assert ticks.claim("daily", now - timedelta(days=days))
    assert forget(ledger, PACE, 30) == {"rows": 0, "complete": True}
    database.execute(text("UPDATE ticks SET started_at = tick"))
    assert forget(ledger, PACE, 30) == {"rows": 1, "complete": True}
