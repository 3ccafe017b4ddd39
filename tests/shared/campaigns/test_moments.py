"""When it is nine o'clock where they are: every zone by itself, on days when clocks change too."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.campaigns.moments import LocalTime, wall_time, waves

NOW = datetime(2027, 3, 27, 12, tzinfo=UTC)


def local(at: str, *, timezone: str = "Europe/London", past: str = "send") -> LocalTime:
    return LocalTime(wall_time(at), timezone, past)


@pytest.mark.parametrize(
    ("at", "zone", "moment"),
    [
        ("2027-03-28T09:00", "Europe/London", "2027-03-28T08:00"),
        ("2027-03-28T09:00", "America/New_York", "2027-03-28T13:00"),
        ("2027-03-28T09:00", "Asia/Kathmandu", "2027-03-28T03:15"),
        ("2027-03-28T09:00", "", "2027-03-28T08:00"),
        ("2027-03-28T09:00", "Nowhere/Any_More", "2027-03-28T08:00"),
        # Clocks jump from 1:00 to 2:00, and half an hour on Lord Howe Island.
        ("2027-03-28T01:00", "Europe/London", "2027-03-28T01:00"),
        ("2027-03-28T01:30", "Europe/London", "2027-03-28T01:00"),
        ("2027-03-28T02:00", "Europe/London", "2027-03-28T01:00"),
        ("2027-03-28T00:59", "Europe/London", "2027-03-28T00:59"),
        ("2027-10-03T02:15", "Australia/Lord_Howe", "2027-10-02T15:30"),
        # They show 1:30 twice: the first of the two.
        ("2027-10-31T01:30", "Europe/London", "2027-10-31T00:30"),
        ("2027-10-31T02:00", "Europe/London", "2027-10-31T02:00"),
        # A whole day that Samoa did not have.
        ("2011-12-30T12:00", "Pacific/Apia", "2011-12-30T10:00"),
    ],
)
def test_the_moment_of_a_time_on_the_clock(at: str, zone: str, moment: str) -> None:
    assert local(at).moment(zone) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


def test_each_zone_goes_at_its_own_moment_the_first_first() -> None:
    found, passed_over = waves(
        {"America/New_York": 3, "Asia/Tokyo": 2, "": 5}, 10, NOW, send_at=None, local_time=local("2027-03-28T09:00")
    )
    assert [(one.zone, one.members, one.starts_at.isoformat()) for one in found] == [
        ("Asia/Tokyo", 2, "2027-03-28T00:00:00+00:00"),
        ("", 5, "2027-03-28T08:00:00+00:00"),
        ("America/New_York", 3, "2027-03-28T13:00:00+00:00"),
    ]
    assert passed_over == 0


@pytest.mark.parametrize(("past", "going", "left"), [("send", ["Asia/Tokyo", ""], 0), ("skip", [""], 2)])
def test_whose_time_has_passed_goes_at_once_or_is_passed_over(past: str, going: list[str], left: int) -> None:
    found, passed_over = waves(
        {"Asia/Tokyo": 2, "": 5}, 7, NOW, send_at=None, local_time=local("2027-03-27T13:00", past=past)
    )
    assert ([one.zone for one in found], passed_over) == (going, left)
    assert all(one.starts_at >= NOW for one in found)


def test_without_a_local_time_everybody_goes_together() -> None:
    later = NOW + timedelta(hours=1)
    for send_at, begin in ((None, NOW), (NOW - timedelta(days=1), NOW), (later, later)):
        [only], passed_over = waves({"Asia/Tokyo": 2, "": 5}, 7, NOW, send_at=send_at, local_time=None)
        assert (only.zone, only.members, only.starts_at, passed_over) == ("*", 7, begin, 0)


@pytest.mark.parametrize("text", ["2027-03-28", "2027-03-28T09:00Z", "2027-02-30T09:00", "nine", "2027-03-28T09"])
def test_what_is_no_time_on_a_clock_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        wall_time(text)
