"""Cron expressions mean what cron(5) says, whatever APScheduler takes numbers for; what is no expression is refused."""

import re
from datetime import datetime, timedelta

import pytest

from shared.schedules.cron import read_cron

SUNDAY = datetime.fromisoformat("2026-11-01")
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def weekdays(expression: str) -> list[str]:
    """The weekdays on which it fires, found by looking at a week."""
    cron, found, wall = read_cron(expression), [], SUNDAY - timedelta(seconds=1)
    while (wall := cron.next_wall(wall)) < SUNDAY + timedelta(days=7):
        found.append(wall.strftime("%a").lower())
    return found


@pytest.mark.parametrize("number", range(8))
def test_weekdays_are_numbered_as_cron_does_it(number: int) -> None:
    assert weekdays(f"0 9 * * {number}") == [DAYS[number % 7]]


@pytest.mark.parametrize("name", DAYS)
def test_weekdays_have_names(name: str) -> None:
    assert weekdays(f"0 9 * * {name}") == weekdays(f"0 9 * * {name.upper()}") == [name]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("1-5", "mon tue wed thu fri"),
        ("mon-fri", "mon tue wed thu fri"),
        ("sat-sun", "sun sat"),
        ("5-7", "sun fri sat"),
        ("6-0", "sun sat"),
        ("0-6", "sun mon tue wed thu fri sat"),
        ("sun-tue", "sun mon tue"),
        ("*/2", "sun tue thu sat"),
        ("1-5/2", "mon wed fri"),
        ("0,3,sat", "sun wed sat"),
        ("*", "sun mon tue wed thu fri sat"),
    ],
)
def test_ranges_of_weekdays(field: str, expected: str) -> None:
    assert weekdays(f"0 9 * * {field}") == expected.split()


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("*/15 * * * *", "2027-01-01T00:07:30", "2027-01-01T00:15:00"),
        ("0 0 31 * *", "2027-04-01T00:00:00", "2027-05-31T00:00:00"),
        ("0 0 L * *", "2027-02-01T00:00:00", "2027-02-28T00:00:00"),
        ("0 0 l * *", "2028-02-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 1,L * *", "2027-04-02T00:00:00", "2027-04-30T00:00:00"),
        ("30 8 29 2 *", "2026-01-01T00:00:00", "2028-02-29T08:30:00"),
        ("30 8 29 feb *", "2096-03-01T00:00:00", "2104-02-29T08:30:00"),
        ("5-10/5 0-12/6 * jan-mar *", "2027-03-31T12:06:00", "2027-03-31T12:10:00"),
        ("@hourly", "2027-01-01T10:00:00", "2027-01-01T11:00:00"),
        ("@daily", "2027-01-01T10:00:00", "2027-01-02T00:00:00"),
        ("@weekly", "2026-11-02T00:00:00", "2026-11-08T00:00:00"),
        ("@Monthly", "2026-11-02T00:00:00", "2026-12-01T00:00:00"),
        ("@yearly", "2026-11-02T00:00:00", "2027-01-01T00:00:00"),
        ("  0   9 * *  1 ", "2026-11-01T00:00:00", "2026-11-02T09:00:00"),
    ],
)
def test_the_next_time(expression: str, after: str, expected: str) -> None:
    assert read_cron(expression).next_wall(datetime.fromisoformat(after)) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 4,6,9,11 *", "never fires"),
        ("0 0 30-31 feb *", "never fires"),
        ("0 0 1 * mon", "or a weekday"),
        ("0 0 L * 1", "or a weekday"),
        ("5/15 * * * *", "write *, or n-m, before the /"),
        ("0 22-2 * * *", "runs backwards: write two ranges, such as 22-23,0-2"),
        ("0 0 * * fri-mon", "runs backwards"),
        ("60 * * * *", "the minute '60'"),
        ("0 24 * * *", "the hour '24'"),
        ("0 0 0 * *", "the day of the month '0'"),
        ("0 0 * 13 *", "the month '13'"),
        ("0 0 * * 8", "numbers from 0 to 7, or sun to sat"),
        ("0 0 * * mon#1", "the weekday 'mon#1'"),
        ("0 0 15W * *", "the day of the month"),
        ("*/0 * * * *", "the minute '*/0'"),
        ("*/61 * * * *", "the minute '*/61'"),
        ("٣ 0 * * *", "the minute"),
        ("-1 0 * * *", "the minute"),
        (", 0 * * *", "the minute ''"),
        ("* * * *", "this has 4"),
        ("0 * * * * *", "this has 6"),
        ("", "this has 0"),
        ("@reboot", "@daily"),
    ],
)
def test_what_is_refused_and_why(expression: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        read_cron(expression)
