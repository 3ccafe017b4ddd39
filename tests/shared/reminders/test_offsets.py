"""Days are days of the calendar, hours and minutes are time that passes."""

from datetime import UTC, timedelta

import pytest

from shared.reminders.offsets import Offset
from shared.reminders.starts import start_of


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("24h", "24h"),
        ("1d", "1d"),
        ("90m", "1h30m"),
        ("1d12h", "1d12h"),
        ("60m", "1h"),
        ("0d30m", "30m"),
        ("366d", "366d"),
    ],
)
def test_it_is_read_and_written_in_one_form(text: str, normal: str) -> None:
    assert str(Offset.parse(text)) == normal


@pytest.mark.parametrize("text", ["", "24", "h", "1w", "2h1d", "-2h", "1.5h", "24H", "30s"])
def test_another_form_is_refused_with_the_right_one(text: str) -> None:
    with pytest.raises(ValueError, match="is no offset such as 24h, 30m, 7d or 1d12h"):
        Offset.parse(text)


@pytest.mark.parametrize("text", ["0m", "0d", "367d", "366d1m"])
def test_none_and_too_much_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Must be from 1m to 366d"):
        Offset.parse(text)


@pytest.mark.parametrize(
    ("start", "zone", "offset", "due"),
    [
        # London goes forward on 28 March 2027 and back on 31 October.
        ("2027-03-28T18:00", "Europe/London", "1d", "2027-03-27T18:00:00+00:00"),
        ("2027-03-28T18:00", "Europe/London", "24h", "2027-03-27T17:00:00+00:00"),
        ("2027-03-29T01:30", "Europe/London", "1d", "2027-03-28T01:30:00+00:00"),  # left out: half past two in summer
        ("2027-10-31T18:00", "Europe/London", "1d", "2027-10-30T17:00:00+00:00"),
        ("2027-10-31T18:00", "Europe/London", "24h", "2027-10-30T18:00:00+00:00"),
        ("2027-11-01T01:30", "Europe/London", "1d", "2027-10-31T00:30:00+00:00"),  # twice: the first
        ("2027-11-01T01:30", "Europe/London", "1d12h", "2027-10-30T12:30:00+00:00"),
        # New York on 14 March and 7 November.
        ("2027-03-14T09:00", "America/New_York", "1d", "2027-03-13T14:00:00+00:00"),
        ("2027-03-14T09:00", "America/New_York", "24h", "2027-03-13T13:00:00+00:00"),
        ("2027-03-15T02:30", "America/New_York", "1d", "2027-03-14T07:30:00+00:00"),
        ("2027-11-07T09:00", "America/New_York", "7d", "2027-10-31T13:00:00+00:00"),
        ("2027-11-07T03:00", "America/New_York", "2h", "2027-11-07T06:00:00+00:00"),
        # Lord Howe by half an hour, on 3 October forward and on 4 April back.
        ("2027-10-03T09:00", "Australia/Lord_Howe", "1d", "2027-10-01T22:30:00+00:00"),
        ("2027-10-03T09:00", "Australia/Lord_Howe", "24h", "2027-10-01T22:00:00+00:00"),
        ("2027-10-04T02:15", "Australia/Lord_Howe", "1d", "2027-10-02T15:45:00+00:00"),
        ("2027-04-04T09:00", "Australia/Lord_Howe", "1d", "2027-04-02T22:00:00+00:00"),
        # The ends of months, and the day that few years have.
        ("2028-03-01T08:00", "UTC", "1d", "2028-02-29T08:00:00+00:00"),
        ("2027-03-01T08:00", "UTC", "1d", "2027-02-28T08:00:00+00:00"),
        ("2028-02-29T08:00", "UTC", "366d", "2027-02-28T08:00:00+00:00"),
        ("2028-01-01T00:15", "UTC", "30m", "2027-12-31T23:45:00+00:00"),
        ("2027-05-31T08:00", "UTC", "31d", "2027-04-30T08:00:00+00:00"),
    ],
)  # fmt: skip
def test_it_is_due_when_it_should_be(start: str, zone: str, offset: str, due: str) -> None:
    found = Offset.parse(offset).before(start_of(start, zone))
    assert (found.isoformat(), found.utcoffset()) == (due, timedelta(0))


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Australia/Lord_Howe"])
def test_at_every_hour_of_a_year_days_keep_the_clock_and_hours_the_time(zone: str) -> None:
    moment = start_of("2027-01-01T00:00:00", zone).moment
    for hour in range(0, 366 * 24, 7):
        at = moment + timedelta(hours=hour, minutes=30)
        start = start_of(at.isoformat(), zone)
        assert Offset.parse("24h").before(start) == at - timedelta(hours=24)
        due = start_of(Offset.parse("1d").before(start).isoformat(), zone)
        assert due.moment.tzinfo is UTC
        kept = due.wall_time == start.wall_time - timedelta(days=1)
        # Left out by the clock: as much later as the clock leaves out.
        assert kept or due.wall_time - start.wall_time + timedelta(days=1) in (
            timedelta(hours=1),
            timedelta(minutes=30),
        )
        assert due.moment < at
