"""A periodic task does its work once a tick, says what came of it, and gives back what it could not do."""

from datetime import UTC, datetime

import pytest
from dramatiq.middleware import Shutdown, TimeLimitExceeded

from shared.ledger.database import Database
from shared.ledger.ticks import Ticks
from shared.periodic.job import Job, Missed
from shared.periodic.task import PeriodicTask

JOB = Job("count", "0 4 * * *", "counting.count", "counting", Missed.ONCE, 60, "Numbers.")
TICK = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
BODY = JOB.message(TICK).kwargs["tick"]


@pytest.fixture
def ticks(database: Database) -> Ticks:
    return Ticks(database)


@pytest.fixture
def task(ticks):
    """Makes a task of a function."""
    return lambda run: PeriodicTask(JOB, run, ticks)


def test_the_result_is_returned_and_recorded(task, ticks):
    assert task(lambda: {"counted": 3}).perform(BODY) == {"counted": 3}
    last = ticks.last("count")
    assert (last.tick, last.result, last.finished_at is not None) == (TICK, {"counted": 3}, True)


def test_a_second_message_of_the_same_tick_does_nothing(task):
    runs = []
    counting = task(lambda: {"run": runs.append(1)})
    counting.perform(BODY)
    assert counting.perform(BODY) is None
    assert len(runs) == 1


def test_a_failed_run_is_recorded_and_may_be_repeated(task, ticks):
    def fail():
        raise ValueError("no numbers\nand more that is nobody's business")

    with pytest.raises(ValueError, match="no numbers"):
        task(fail).perform(BODY)
    assert ticks.last("count").result == {"tries": 1, "error": "ValueError: no numbers"}
    assert task(lambda: {"counted": 3}).perform(BODY) == {"counted": 3}


def test_a_run_over_its_time_limit_is_recorded(task, ticks):
    def overrun():
        raise TimeLimitExceeded

    with pytest.raises(TimeLimitExceeded):
        task(overrun).perform(BODY)
    assert ticks.last("count").result == {"tries": 1, "error": "TimeLimitExceeded"}


def test_a_run_stopped_with_its_worker_may_be_repeated_at_no_cost(task, ticks):
    def stop():
        raise Shutdown

    with pytest.raises(Shutdown):
        task(stop).perform(BODY)
    assert ticks.last("count").result == {"tries": 0}


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        "2026-03-01",
        {"v": 1, "job": "count"},
        {"v": 1, "job": "count", "tick": "soon"},
        {**BODY, "job": "other"},
    ],
)
def test_what_is_no_tick_of_this_job_is_ignored(task, ticks, body):
    assert task(lambda: pytest.fail("it ran")).perform(body) is None
    assert ticks.last("count") is None


def test_a_tick_of_a_later_version_with_more_fields_is_understood(task):
    assert task(lambda: {"counted": 3}).perform({**BODY, "v": 2, "reason": "why not"}) == {"counted": 3}
