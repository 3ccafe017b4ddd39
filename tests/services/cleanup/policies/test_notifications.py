"""Retention: what is old and ended goes, what is live or wanted stays whole, and a busy ledger is left alone."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from math import inf
from uuid import uuid4

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from services.cleanup.pace import Pace
from services.cleanup.policies.notifications import remove
from shared.errors import Conflict, NotFound
from shared.ledger.actions import Actions
from shared.ledger.ids import moment_of
from shared.ledger.partitions import PARTITIONED

DAYS = 90
PACE = Pace(size=10, pause=0, limit=inf)


@pytest.fixture
def old(now):
    """A moment whose month is over for longer than the retention."""
    return now - timedelta(days=DAYS + 62)


@pytest.fixture
def exists(database):
    def exists(table):
        return database.rows(text("SELECT to_regclass(:table) IS NOT NULL"), {"table": table})[0][0]

    return exists


def test_a_month_is_dropped_when_everything_in_it_is_old_and_ended(history, ledger, old, ended, exists):
    month = history.month(old)
    history.add(old, ended, count=3)
    result = remove(ledger, PACE, DAYS)
    assert result["dropped"] == [month]
    assert not any(exists(f"{table}_{month}") for table in PARTITIONED)
    assert history.rows("notifications") == set()


def test_a_month_with_something_live_is_kept_and_the_rest_of_it_goes_row_by_row(history, ledger, old, live):
    month = history.month(old)
    kept = history.add(old, live, secret=True)
    history.add(old, count=25, targets=2)
    result = remove(ledger, PACE, DAYS)
    assert (result["dropped"], result["needed"]) == ([], [month])
    assert result["notifications"] == {"rows": 25, "complete": True}
    assert history.rows("notifications") == set(kept)
    assert history.is_whole(kept)
    assert history.rows("sealed", "notification_id") == set(kept)
    assert len(history.rows("deliveries")) == len(history.rows("attempts", "delivery_id")) == 1


def test_a_month_with_something_that_ended_lately_is_kept(history, ledger, old, now):
    history.month(old)
    kept = history.add(old, ended=now - timedelta(days=1))
    history.add(old)
    result = remove(ledger, PACE, DAYS)
    assert result["dropped"] == []
    assert history.rows("notifications") == set(kept)


def test_a_kept_month_goes_once_what_kept_it_has_ended_long_enough(history, ledger, old, database):
    month = history.month(old)
    history.add(old, "queued")
    assert remove(ledger, PACE, DAYS)["needed"] == [month]
    database.execute(text("UPDATE deliveries SET state = 'sent', due_at = NULL, settled_at = :old"), {"old": old})
    assert remove(ledger, PACE, DAYS)["dropped"] == [month]


def test_younger_months_are_not_touched(history, ledger, now):
    young = [now - timedelta(days=days) for days in (0, 20, DAYS - 1)]
    for moment in young:
        history.month(moment)
    kept = [identifier for moment in young for identifier in history.add(moment)]
    assert remove(ledger, PACE, DAYS)["dropped"] == []
    assert history.rows("notifications") == set(kept)


def test_with_a_retention_of_months_a_month_cut_in_two_waits_until_it_is_over(history, ledger, now):
    moment = now - timedelta(days=DAYS, hours=1)
    history.month(moment)
    boundary = moment_of(history.add(moment)[0])
    result = remove(ledger, PACE, DAYS)
    is_last_of_its_month = (boundary + timedelta(hours=1)).month != boundary.month
    assert bool(result["dropped"]) == is_last_of_its_month
    assert result["notifications"]["rows"] == 0


def test_a_retention_under_a_month_is_kept_to_the_day(history, ledger, now, live):
    for days in (5, 9):
        history.month(now - timedelta(days=days))
    history.add(now - timedelta(days=9), count=12)
    kept = history.add(now - timedelta(days=5), count=3) + history.add(now - timedelta(days=9), live)
    remove(ledger, PACE, 7)
    assert history.rows("notifications") == set(kept)
    assert history.is_whole(kept)


def test_the_default_partition_is_cleaned_in_bounded_batches(history, ledger, now, live):
    # For these moments there is no month: one of them is a clock ten years ahead, told by the database's own time.
    ahead = history.add(now + timedelta(days=3650))
    behind = history.add(now - timedelta(days=2 * DAYS), count=34)
    kept = history.add(now - timedelta(days=2 * DAYS), live)
    with capture_logs() as logged:
        remove(ledger, PACE, DAYS)
    batches = [entry["rows"] for entry in logged if entry["event"] == "a batch was cleaned"]
    assert history.rows("notifications") == set(kept) | set(ahead)
    assert sum(batches) == len(behind)
    assert max(batches) == PACE.size


def test_what_a_wrong_clock_dated_back_is_kept_for_as_long_as_anything_else(history, ledger, now, old, database):
    month = history.month(old)
    in_month, in_default = history.add(old), history.add(now - timedelta(days=4000))
    database.execute(text("UPDATE notifications SET accepted_at = now()"))
    assert remove(ledger, PACE, DAYS)["needed"] == [month]
    assert history.rows("notifications") == {*in_month, *in_default}


def test_a_notification_stays_whole_while_one_of_its_deliveries_is_live(history, ledger, now, database):
    (partly,) = history.add(now - timedelta(days=2 * DAYS), targets=3)
    first = min(history.rows("deliveries"))
    database.execute(text("UPDATE deliveries SET state = 'queued', due_at = now() WHERE id = :id"), {"id": first})
    remove(ledger, PACE, DAYS)
    assert history.is_whole([partly], targets=3)


def test_a_notification_in_somebody_s_hands_is_passed_over(history, ledger, now, database):
    (held,) = history.add(now - timedelta(days=2 * DAYS))
    history.add(now - timedelta(days=2 * DAYS), count=5)
    with database.transaction() as connection:
        connection.execute(text("SELECT FROM deliveries WHERE notification_id = :id FOR UPDATE"), {"id": held})
        assert remove(ledger, PACE, DAYS)["notifications"] == {"rows": 5, "complete": True}
    assert history.is_whole([held])


def test_what_is_retried_by_hand_during_retention_is_not_removed(history, ledger, now, database):
    """However the two interleave: either the retry comes too late and says so, or the notification is whole."""
    ids = history.add(now - timedelta(days=2 * DAYS), "failed", count=60)
    retried = []

    def retry_all():
        for identifier in ids:
            try:
                Actions(database).retry(history.project_id, identifier, "a person")
            except (NotFound, Conflict):
                continue
            retried.append(identifier)

    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(retry_all)
        remove(ledger, Pace(size=3, pause=0, limit=inf), DAYS)
        running.result()
    assert history.rows("notifications") == set(retried)
    assert history.is_whole(retried)


@pytest.mark.parametrize("held", ["notifications", "deliveries", "attempts"])
def test_a_busy_ledger_is_not_waited_for(history, ledger, old, database, held):
    month = history.month(old)
    history.add(old)
    with database.transaction() as reading:
        reading.execute(text(f"SELECT count(*) FROM {held}"))
        assert remove(ledger, PACE, DAYS)["busy"] == [month]
        # Nothing was left locked, and nothing was removed by dearer means.
        assert len(history.rows(held, "delivery_id" if held == "attempts" else "id")) == 1
    assert remove(ledger, PACE, DAYS)["dropped"] == [month]


def test_a_partition_somebody_reads_by_itself_is_busy_too(history, ledger, old, database):
    month = history.month(old)
    with database.transaction() as reading:
        reading.execute(text(f"SELECT count(*) FROM attempts_{month}"))
        assert remove(ledger, PACE, DAYS)["busy"] == [month]


def test_what_hung_on_a_removed_notification_goes_too(history, ledger, now, old, database):
    month = history.month(old)
    dropped, removed = history.add(old)[0], history.add(now - timedelta(days=4000))[0]
    (kept,) = history.add(now)
    for identifier in (dropped, removed, kept):
        database.execute(
            text("INSERT INTO actions (notification_id, what, who) VALUES (:id, 'retried', 'a person')"),
            {"id": identifier},
        )
        database.execute(
            text("INSERT INTO digests VALUES (:id, 1, gen_random_uuid(), now(), now(), 2)"), {"id": identifier}
        )
        for number in (1, 2):
            database.execute(
                text("INSERT INTO digest_items VALUES (:id, :number, '{}', '{}')"),
                {"id": identifier, "number": number},
            )
    assert remove(ledger, PACE, DAYS)["dropped"] == [month]
    for table in ("actions", "digests", "digest_items"):
        assert history.rows(table, "notification_id") == {kept}


@pytest.mark.parametrize(("closed", "goes"), [("now() - interval '1 year'", True), ("NULL", False), ("now()", False)])
def test_an_upload_goes_when_it_is_closed_long_ago_and_none_of_it_is_left(history, ledger, database, closed, goes):
    batch = uuid4()
    database.execute(
        text(f"INSERT INTO batches (id, project_id, request, closed_at) VALUES (:id, :project_id, '{{}}', {closed})"),
        {"id": batch, "project_id": history.project_id},
    )
    database.execute(
        text("INSERT INTO batch_errors SELECT :id, n, 'to', 'bad' FROM generate_series(1, 35) n"), {"id": batch}
    )
    remove(ledger, PACE, DAYS)
    assert history.rows("batches") == (set() if goes else {batch})
    assert len(database.rows(text("SELECT FROM batch_errors"))) == (0 if goes else 35)


def test_an_upload_stays_while_a_notification_of_it_does(history, ledger, database, old):
    history.month(old)
    batch = uuid4()
    (live,) = history.add(old, "queued")
    database.execute(
        text("INSERT INTO batches (id, project_id, request, closed_at) VALUES (:id, :project_id, '{}', :old)"),
        {"id": batch, "project_id": history.project_id, "old": old},
    )
    database.execute(text("UPDATE notifications SET batch_id = :batch"), {"batch": batch})
    remove(ledger, PACE, DAYS)
    assert history.rows("batches") == {batch}
    assert history.is_whole([live])


def test_a_run_whose_time_is_up_says_so_and_the_next_goes_on(history, ledger, now):
    history.add(now - timedelta(days=2 * DAYS), count=25)
    first = remove(ledger, Pace(size=10, pause=0, limit=0), DAYS)
    assert first["notifications"] == {"rows": 10, "complete": False}
    assert remove(ledger, PACE, DAYS)["notifications"] == {"rows": 15, "complete": True}
