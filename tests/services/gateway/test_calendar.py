"""`/v1/calendar`: every periodic job, and what came of its newest run."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.calendar import CALENDAR
from shared.ledger.database import Database
from shared.ledger.ticks import TRIES, Ticks

JOB = CALENDAR[0]
TICK = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)


@pytest.fixture
def last(call: Any) -> Callable[[], Any]:
    """What is told of the newest run of a job."""

    def told() -> Any:
        return {job["name"]: job for job in call("GET", "/v1/calendar").json["items"]}[JOB.name]["last"]

    return told


def test_every_job_is_listed_in_the_order_of_its_next_run(call: Any) -> None:
    answer = call("GET", "/v1/calendar")
    jobs = answer.json["items"]
    assert {job["name"] for job in jobs} == {job.name for job in CALENDAR}
    assert all(job["last"] is None for job in jobs), "nothing has run yet"
    due = [datetime.fromisoformat(job["next_at"]) for job in jobs]
    assert due == sorted(due)
    now = datetime.now(UTC)
    assert all(now - timedelta(minutes=1) < moment < now + timedelta(days=1, minutes=1) for moment in due)


def test_what_a_run_did_is_told(database: Database, last: Callable[[], Any]) -> None:
    ticks = Ticks(database)
    ticks.claim(JOB.name, TICK)
    assert (last()["state"], last()["tries"], last()["finished_at"]) == ("running", 1, None)
    ticks.finish(JOB.name, TICK, {"added": 3})
    run = last()
    assert (run["state"], run["result"], run["problem"], run["tries"]) == ("done", {"added": 3}, None, None)
    assert datetime.fromisoformat(run["due_at"]) == TICK
    assert run["started_at"] <= run["finished_at"]


def test_what_went_wrong_is_told(database: Database, last: Callable[[], Any], rows: Any) -> None:
    ticks = Ticks(database)
    for tried in range(1, TRIES + 1):
        assert ticks.claim(JOB.name, TICK)
        ticks.fail(JOB.name, TICK, "OSError: no room")
        assert (last()["state"], last()["tries"], last()["problem"]) == ("failed", tried, "OSError: no room")
    later = TICK + timedelta(days=1)
    ticks.claim(JOB.name, later)
    database.driver_rows("UPDATE ticks SET started_at = now() - interval '1 day' RETURNING job", {})
    assert (last()["state"], last()["problem"]) == ("failed", "Its worker died.")


def test_what_was_left_out_or_waits_is_told(database: Database, last: Callable[[], Any]) -> None:
    ticks = Ticks(database)
    ticks.skip(JOB.name, TICK, "Nobody began it in time.")
    run = last()
    assert (run["state"], run["problem"], run["started_at"]) == ("skipped", "Nobody began it in time.", None)
    ticks.announce(JOB.name, TICK + timedelta(days=1), lease=60)
    assert (last()["state"], last()["started_at"]) == ("waiting", None)
