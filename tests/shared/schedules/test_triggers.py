"""The next times of triggers, on days when clocks change too: each named time once a day, whatever the zone does."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.durations import distance_of
from shared.schedules.triggers import ByCron, Every, Once, latest_until, trigger_of, upcoming

LONDON, NEW_YORK, LORD_HOWE = "Europe/London", "America/New_York", "Australia/Lord_Howe"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def shown(cron: str, zone: str, after: str, most: int) -> list[str]:
    """The next times as clocks there show them, with their offset."""
    found = upcoming(ByCron(cron, zone), moment(after), most)
    assert found == sorted(set(found))
    assert all(one.tzinfo is UTC for one in found)
    return [one.astimezone(ZoneInfo(zone)).strftime("%d %H:%M%z") for one in found]


class TestNamedHours:
    @pytest.mark.parametrize(
        ("zone", "cron", "after", "expected"),
        [
            (LONDON, "30 1 * * *", "2027-03-27T12:00Z", ["28 02:00+0100", "29 01:30+0100"]),
            (NEW_YORK, "30 2 * * *", "2027-03-13T12:00Z", ["14 03:00-0400", "15 02:30-0400"]),
            (LORD_HOWE, "15 2 * * *", "2027-10-01T20:00Z", ["03 02:30+1100", "04 02:15+1100"]),
        ],
    )
    def test_a_time_that_is_left_out_fires_when_the_clock_jumps_over_it(self, zone, cron, after, expected):
        assert shown(cron, zone, after, 2) == expected

    @pytest.mark.parametrize(
        ("zone", "cron", "after", "expected"),
        [
            (LONDON, "30 1 * * *", "2027-10-30T12:00Z", ["31 01:30+0100", "01 01:30+0000"]),
            (NEW_YORK, "30 1 * * *", "2027-11-06T12:00Z", ["07 01:30-0400", "08 01:30-0500"]),
            (LORD_HOWE, "45 1 * * *", "2027-04-02T20:00Z", ["04 01:45+1100", "05 01:45+1030"]),
        ],
    )
    def test_a_time_that_is_shown_twice_fires_the_first_time(self, zone, cron, after, expected):
        assert shown(cron, zone, after, 2) == expected

    @pytest.mark.parametrize(
        ("zone", "cron", "after", "expected"),
        [
            (LONDON, "0,30 1 * * *", "2027-10-31T01:10Z", ["01 01:00+0000"]),
            (NEW_YORK, "0,30 1 * * *", "2027-11-07T06:15Z", ["08 01:00-0500"]),
            (LORD_HOWE, "*/15 1 * * *", "2027-04-03T15:05Z", ["05 01:00+1030"]),
        ],
    )
    def test_asked_within_the_second_of_two_equal_hours_the_next_is_the_next_day(self, zone, cron, after, expected):
        assert shown(cron, zone, after, 1) == expected

    def test_two_times_that_are_left_out_fire_as_one(self):
        expected = ["28 00:30+0000", "28 02:00+0100", "28 02:30+0100", "29 00:30+0100"]
        assert shown("0,30 0-2 * * *", LONDON, "2027-03-28T00:00Z", 3) == expected[:3]
        assert shown("30 0-2 * * *", LONDON, "2027-03-28T00:00Z", 4) == expected

    @pytest.mark.parametrize("zone", [LONDON, NEW_YORK, LORD_HOWE, "America/Havana", "Africa/Cairo", "Asia/Kathmandu"])
    @pytest.mark.parametrize("cron", ["0 0 * * *", "30 1 * * *", "15 2 * * *", "30 2 * * *", "0 3 * * *"])
    def test_a_daily_one_fires_once_on_every_day_of_two_years(self, zone, cron):
        first, last = date(2026, 12, 31), date(2028, 12, 31)
        days = [
            one.astimezone(ZoneInfo(zone)).date()
            for one in upcoming(ByCron(cron, zone), moment("2026-12-31T12:00Z"), 740)
        ]
        days = [day for day in days if first < day < last]
        assert days == [first + timedelta(days=number) for number in range(1, (last - first).days)]


class TestEveryHour:
    @pytest.mark.parametrize(
        ("zone", "after", "minutes"),
        [
            (LONDON, "2027-03-28T00:00Z", 15),
            (LONDON, "2027-10-31T00:00Z", 15),
            (NEW_YORK, "2027-03-14T05:00Z", 15),
            (NEW_YORK, "2027-11-07T04:00Z", 15),
            (LORD_HOWE, "2027-10-02T14:00Z", 15),
            (LORD_HOWE, "2027-04-03T14:00Z", 15),
            (LORD_HOWE, "2027-04-03T14:00Z", 5),
        ],
    )
    def test_quarters_of_an_hour_go_on_whatever_clocks_do(self, zone, after, minutes):
        begin = moment(after)
        times = upcoming(ByCron(f"*/{minutes} * * * *", zone), begin, 20)
        assert times == [begin + timedelta(minutes=minutes * number) for number in range(1, 21)]

    def test_what_the_clock_does_not_show_does_not_fire(self):
        assert shown("15 * * * *", LORD_HOWE, "2027-10-02T14:30Z", 3) == [
            "03 01:15+1030", "03 03:15+1100", "03 04:15+1100",
        ]  # fmt: skip

    def test_what_the_clock_shows_twice_fires_twice(self):
        assert shown("45 * * * *", LORD_HOWE, "2027-04-03T14:00Z", 3) == [
            "04 01:45+1100", "04 01:45+1030", "04 02:45+1030",
        ]  # fmt: skip

    def test_a_day_that_begins_twice(self):
        """In Havana clocks go from one o'clock back to midnight."""
        assert shown("30 * 7 11 *", "America/Havana", "2027-11-07T03:50Z", 3) == [
            "07 00:30-0400", "07 00:30-0500", "07 01:30-0500",
        ]  # fmt: skip

    @pytest.mark.parametrize("zone", [LONDON, NEW_YORK, LORD_HOWE])
    def test_each_fires_exactly_when_the_clock_shows_it(self, zone):
        """Against every minute of the two months in which clocks change."""
        for begin in (moment("2027-03-01T00:00Z"), moment("2027-10-01T00:00Z")):
            minutes = [begin + timedelta(minutes=number) for number in range(40 * 1440)]
            expected = [one for one in minutes if one.astimezone(ZoneInfo(zone)).minute in (0, 40)]
            assert upcoming(ByCron("0,40 * * * *", zone), begin - timedelta(seconds=1), len(expected)) == expected


class TestMonths:
    def test_the_31st_fires_in_months_that_have_one(self):
        found = upcoming(ByCron("0 9 31 * *", LONDON), moment("2027-01-01T00:00Z"), 7)
        assert [one.month for one in found] == [1, 3, 5, 7, 8, 10, 12]

    def test_the_last_day_fires_in_every_month(self):
        found = upcoming(ByCron("0 9 L * *", NEW_YORK), moment("2028-01-01T00:00Z"), 12)
        assert [one.day for one in found] == [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

    def test_29_february_fires_in_leap_years(self):
        found = upcoming(ByCron("0 9 29 2 *", LORD_HOWE), moment("2026-01-01T00:00Z"), 3)
        assert [one.year for one in found] == [2028, 2032, 2036]

    def test_a_year_ends(self):
        assert shown("59 23 31 12 *", LORD_HOWE, "2027-06-01T00:00Z", 2) == ["31 23:59+1100", "31 23:59+1100"]


class TestBounds:
    def test_not_before_its_start_and_not_after_its_end(self):
        trigger = ByCron("0 9 * * *", "UTC", moment("2027-01-02T09:00Z"), moment("2027-01-03T09:00Z"))
        found = upcoming(trigger, moment("2027-01-01T00:00Z"), 5)
        assert found == [moment("2027-01-02T09:00Z"), moment("2027-01-03T09:00Z")]

    def test_a_start_long_ago_is_none(self):
        start = datetime(1, 1, 1, tzinfo=UTC)
        now = moment("2027-01-01T00:00Z")
        assert ByCron("0 9 * * *", "UTC", start).next_after(now) == moment("2027-01-01T09:00Z")
        assert Every("1d", timedelta(days=1), start).next_after(now) == moment("2027-01-02T00:00Z")

    def test_a_moment_comes_once(self):
        at = moment("2027-01-01T00:00Z")
        assert upcoming(Once(at), at - timedelta(seconds=1), 5) == [at]
        assert Once(at).next_after(at) is None

    def test_an_interval_is_real_time(self):
        trigger = Every("1d", timedelta(days=1), moment("2027-03-27T12:00:00+00:00"))
        found = upcoming(trigger, moment("2027-03-01T00:00Z"), 3)
        assert [one.astimezone(ZoneInfo(LONDON)).hour for one in found] == [12, 13, 13]

    def test_an_interval_keeps_its_places_for_years(self):
        start = moment("2017-01-01T00:00:07Z")
        trigger = Every("7m", timedelta(minutes=7), start)
        for number in (0, 1, 2, 555_555, 751_234):
            at = start + number * timedelta(minutes=7)
            assert trigger.next_after(at - timedelta(microseconds=1)) == at
            assert trigger.next_after(at) == at + timedelta(minutes=7)

    def test_an_interval_ends(self):
        start = moment("2027-01-01T00:00Z")
        trigger = Every("1h", timedelta(hours=1), start, start + timedelta(hours=2))
        assert len(upcoming(trigger, start - timedelta(days=1), 9)) == 3


@pytest.mark.parametrize(
    "trigger",
    [
        Once(moment("2027-01-01T00:00Z")),
        Every("30m", timedelta(minutes=30), moment("2027-01-01T00:00Z"), moment("2028-01-01T00:00Z")),
        ByCron("0 9 * * mon-fri", LONDON),
        ByCron("0 9 * * mon-fri", LONDON, moment("2027-01-01T00:00Z"), moment("2028-01-01T00:00Z")),
    ],
)
def test_a_trigger_is_made_again_of_its_data(trigger):
    assert trigger_of(trigger.to_json()) == trigger


@pytest.mark.parametrize(
    "data", [{}, {"every": "30m"}, {"cron": "x", "timezone": "UTC"}, {"cron": "@daily", "timezone": "Mars/Base"}]
)
def test_what_is_no_trigger_is_refused(data):
    with pytest.raises((KeyError, ValueError)):
        trigger_of(data)


@pytest.mark.parametrize("text", ["", "m", "30", "1.5h", "-1m", "1w", "٣m", "1h30m"])
def test_what_is_no_distance_is_refused(text):
    with pytest.raises(ValueError, match="30m or 1d"):
        distance_of(text)


@pytest.mark.parametrize(
    "trigger",
    [
        ByCron("*/5 * * * *", NEW_YORK),
        ByCron("30 2 * * *", NEW_YORK),
        ByCron("0 0 1 * *", NEW_YORK),
        Every("7m", timedelta(minutes=7), moment("2027-02-01T00:00Z")),
    ],
)
@pytest.mark.parametrize(
    "until", ["2027-03-14T06:59:59Z", "2027-03-14T07:00Z", "2027-03-20T00:00:01Z", "2027-04-01T04:00Z"]
)
def test_the_latest_time_is_the_one_that_walking_finds(trigger, until):
    first = trigger.next_after(moment("2027-02-28T00:00Z"))
    latest = walked = first
    while (walked := trigger.next_after(walked)) <= moment(until):
        latest = walked
    assert latest_until(trigger, first, max(first, moment(until))) == latest
