"""A job runs when its row of the calendar says, by everybody's reading, or it is refused."""

from datetime import UTC, datetime, timedelta

import pendulum
import periodiq
import pytest

from shared.calendar import CALENDAR
from shared.periodic.cron import WEEKDAYS, cron_problem
from shared.periodic.job import Job, Missed
from shared.periodic.times import latest_tick, next_tick

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)

EXPRESSIONS = sorted(
    {job.cron for job in CALENDAR}
    | {f"15 3 * * {weekday}" for weekday in WEEKDAYS}
    | {
        "*/10 * * * *",
        "10-50/20 8-18 * * mon-fri",
        "0 0 1 * *",
        "30 12 31 * *",
        "0 4 * * tue,thu-sat",
        "7,8 */5 */2 * *",
    }
)


def periodiq_ticks(cron, start, days):
    """When a periodiq that sleeps as it does would send the tick."""
    spec, moment, end = periodiq.cron(cron), pendulum.instance(start), start + timedelta(days=days)
    while (moment := spec.next_valid_date(moment)) < end:
        if spec.validate(moment):
            yield datetime.fromtimestamp(moment.timestamp(), UTC)


@pytest.mark.parametrize("cron", EXPRESSIONS)
def test_the_relay_expects_exactly_the_ticks_that_periodiq_sends(cron):
    end = MONDAY + timedelta(days=95)
    sent = list(periodiq_ticks(cron, MONDAY, 95))
    assert sent
    expected, moment = [], end
    while (moment := latest_tick(cron, moment - timedelta(seconds=1))) > MONDAY:
        expected.append(moment)
    assert sent == expected[::-1]
    assert [next_tick(cron, tick) for tick in sent[:-1]] == sent[1:]


@pytest.mark.parametrize(("offset", "weekday"), list(enumerate(WEEKDAYS)))
def test_a_weekday_is_that_day_and_no_other(offset, weekday):
    day = MONDAY + timedelta(days=offset)
    noon = f"0 12 * * {weekday}"
    assert list(periodiq_ticks(noon, MONDAY, 7)) == [day + timedelta(hours=12)]
    assert latest_tick(noon, MONDAY + timedelta(days=7)) == day + timedelta(hours=12)


@pytest.mark.parametrize(
    "cron", ["0 0 * * 0", "0 0 * * 7", "0 0 * * sun", "0 0 * * SUN", "0 0 * * sat-sun", "0 0 * * */2"]
)
def test_sunday_is_refused_when_the_calendar_is_read(cron):
    with pytest.raises(ValueError, match=r"'report' cannot run at .*Sunday.*choose from mon to sat"):
        Job("report", cron, "reports.make", "reports", Missed.ONCE, 60, "A report.")


@pytest.mark.parametrize("cron", ["0 0 * * 0", "0 0 * * sun", "@weekly"])
def test_periodiq_still_never_fires_on_sunday(cron):
    """When this fails, periodiq was mended and Sunday can be allowed."""
    assert not list(periodiq_ticks(cron, MONDAY, 60))


@pytest.mark.parametrize(
    ("cron", "problem"),
    [
        ("@weekly", "five fields out"),
        ("@daily", "five fields out"),
        ("0 0 * *", "five fields"),
        ("0  0 * * *", "five fields with one space"),
        ("60 0 * * *", "the minute '60'"),
        ("0 24 * * *", "the hour '24'"),
        ("0 0 0 * *", "the day of the month '0'"),
        ("5/15 * * * *", "the minute '5/15'"),
        ("*/0 * * * *", "the minute"),
        ("30-10 * * * *", "the minute"),
        ("0 0 1 1 *", "the month must be"),
        ("0 0 * * 1", "by name"),
        ("0 0 * * 1-5", "by name"),
        ("0 0 * * monday", "by name"),
        ("0 0 * * fri-tue", "by name"),
        ("0 0 1 * mon", "either a day of the month or a weekday"),
        ("a b c d e", "the minute 'a'"),
        ("", "five fields"),
    ],
)
def test_what_readers_would_take_differently_is_refused(cron, problem):
    assert problem in (cron_problem(cron) or "")


@pytest.mark.parametrize("cron", EXPRESSIONS)
def test_what_all_readers_agree_on_is_allowed(cron):
    assert cron_problem(cron) is None
