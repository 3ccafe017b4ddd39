"""A code is wiped when nothing needs it, and never while something does."""

from datetime import timedelta
from math import inf

from sqlalchemy import text

from services.cleanup.pace import Pace
from services.cleanup.policies.secrets import wipe_orphaned

PACE = Pace(size=4, pause=0, limit=inf)


def test_a_code_somebody_may_still_need_is_kept(history, ledger, now, live):
    needed = [*history.add(now, live, count=6, secret=True), *history.add(now, "unknown", secret=True)]
    assert wipe_orphaned(ledger, PACE) == {"rows": 0, "complete": True}
    assert history.rows("sealed", "notification_id") == set(needed)


def test_the_code_of_what_has_ended_is_wiped_wherever_it_lies(history, ledger, now):
    needed = []
    for _ in range(5):
        history.add(now, "delivered", count=2, secret=True)
        needed += history.add(now, "queued", secret=True)
    assert wipe_orphaned(ledger, PACE) == {"rows": 10, "complete": True}
    assert history.rows("sealed", "notification_id") == set(needed)


def test_the_code_of_what_is_gone_is_wiped(history, ledger, now, database):
    month = history.month(now - timedelta(days=200))
    history.add(now - timedelta(days=200), "queued", count=9, secret=True)
    database.execute(text(f"DROP TABLE notifications_{month}, deliveries_{month}, attempts_{month}"))
    assert wipe_orphaned(ledger, PACE) == {"rows": 9, "complete": True}
    assert history.rows("sealed", "notification_id") == set()


def test_a_code_is_kept_while_one_of_several_deliveries_needs_it(history, ledger, now, database):
    (partly,) = history.add(now, targets=3, secret=True)
    last = max(history.rows("deliveries"))
    database.execute(text("UPDATE deliveries SET state = 'queued', due_at = now() WHERE id = :id"), {"id": last})
    wipe_orphaned(ledger, PACE)
    assert history.rows("sealed", "notification_id") == {partly}
