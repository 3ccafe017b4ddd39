"""What becomes of times that were missed, by each policy."""

from datetime import UTC, datetime, timedelta
from math import ceil

import pytest

from shared.schedules.misfires import AT_ONCE, plan
from shared.schedules.triggers import ByCron, Every, Once

NOON = datetime(2027, 6, 1, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
HOURLY = Every("1h", HOUR, NOON)
EVERY_MINUTE = ByCron("* * * * *")


def fired(found):
    return [tick.at for tick in found.ticks if tick.left_out is None]


def left_out(found):
    return [tick.at for tick in found.ticks if tick.left_out is not None]


@pytest.mark.parametrize("policy", ["skip", "once", "all"])
@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=1), timedelta(seconds=60)])
def test_what_is_in_time_fires(policy, late):
    found = plan(HOURLY, policy, MINUTE, NOON, NOON + late)
    assert (fired(found), left_out(found), found.next_at) == ([NOON], [], NOON + HOUR)


def test_skip_leaves_out_what_was_missed_and_fires_what_is_in_time():
    found = plan(HOURLY, "skip", MINUTE, NOON, NOON + 3 * HOUR + 2 * MINUTE)
    assert (fired(found), left_out(found), found.next_at) == ([], [NOON], NOON + 4 * HOUR)
    assert "until 2027-06-01T15:00:00Z" in found.ticks[0].left_out
    found = plan(HOURLY, "skip", MINUTE, NOON, NOON + 3 * HOUR)
    assert (fired(found), left_out(found), found.next_at) == ([NOON + 3 * HOUR], [NOON], NOON + 4 * HOUR)
    assert "until 2027-06-01T14:00:00Z" in found.ticks[0].left_out


def test_skip_of_one_says_how_late_it_was():
    [tick] = plan(HOURLY, "skip", MINUTE, NOON, NOON + 5 * MINUTE).ticks
    assert tick.left_out == "No relay was there in time: it was 300 s late."


def test_once_fires_the_latest_alone():
    found = plan(HOURLY, "once", MINUTE, NOON, NOON + 3 * HOUR + 2 * MINUTE)
    assert (fired(found), left_out(found), found.next_at) == ([NOON + 3 * HOUR], [NOON], NOON + 4 * HOUR)
    assert "until 2027-06-01T14:00:00Z" in found.ticks[0].left_out
    found = plan(HOURLY, "once", MINUTE, NOON, NOON + 5 * MINUTE)
    assert (fired(found), left_out(found), found.next_at) == ([NOON], [], NOON + HOUR)


def test_all_fires_every_one_a_few_at_a_time():
    now = NOON + 50 * HOUR
    due, seen, rounds = NOON, [], 0
    while due <= now:
        found = plan(HOURLY, "all", MINUTE, due, now)
        assert len(found.ticks) <= AT_ONCE
        seen += fired(found)
        due, rounds = found.next_at, rounds + 1
    assert seen == [NOON + number * HOUR for number in range(51)]
    assert rounds == ceil(51 / AT_ONCE)


def test_within_a_long_grace_every_one_fires_a_few_at_a_time():
    found = plan(EVERY_MINUTE, "once", HOUR, NOON, NOON + 59 * MINUTE)
    assert fired(found) == [NOON + number * MINUTE for number in range(AT_ONCE)]
    assert found.next_at == NOON + AT_ONCE * MINUTE


@pytest.mark.parametrize("policy", ["skip", "once"])
def test_a_year_of_minutes_is_little_work_and_leaves_one_row(policy):
    found = plan(EVERY_MINUTE, policy, MINUTE, NOON, NOON + timedelta(days=365))
    assert left_out(found) == [NOON]
    assert len(found.ticks) <= 3
    assert found.next_at == NOON + timedelta(days=365) + MINUTE


@pytest.mark.parametrize(("policy", "fires"), [("skip", False), ("once", True), ("all", True)])
def test_one_moment_that_was_missed_is_the_last(policy, fires):
    found = plan(Once(NOON), policy, MINUTE, NOON, NOON + HOUR)
    assert (fired(found) == [NOON], left_out(found) == [NOON], found.next_at) == (fires, not fires, None)


def test_what_ended_meanwhile_fires_its_last_time():
    ended = Every("1h", HOUR, NOON, NOON + 2 * HOUR)
    found = plan(ended, "once", MINUTE, NOON, NOON + 9 * HOUR)
    assert (fired(found), found.next_at) == ([NOON + 2 * HOUR], None)
