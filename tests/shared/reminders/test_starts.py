"""A start is a time on the clock of a zone, or a moment; what the clock leaves out is refused."""

import pytest

from shared.reminders.starts import check_zone, start_of


@pytest.mark.parametrize(
    ("text", "zone", "moment", "wall_time"),
    [
        ("2027-03-01T18:30:00", "Europe/London", "2027-03-01T18:30:00+00:00", "2027-03-01T18:30:00"),
        ("2027-07-01T18:30", "Europe/London", "2027-07-01T17:30:00+00:00", "2027-07-01T18:30:00"),
        ("2027-07-01 18:30:00", "Asia/Kolkata", "2027-07-01T13:00:00+00:00", "2027-07-01T18:30:00"),
        ("2027-07-01T18:30:00Z", "Europe/London", "2027-07-01T18:30:00+00:00", "2027-07-01T19:30:00"),
        ("2027-07-01T18:30:00-04:00", "Europe/London", "2027-07-01T22:30:00+00:00", "2027-07-01T23:30:00"),
        # Twice on the clock: the first, unless the offset says the second.
        ("2027-10-31T01:30:00", "Europe/London", "2027-10-31T00:30:00+00:00", "2027-10-31T01:30:00"),
        ("2027-10-31T01:30:00+00:00", "Europe/London", "2027-10-31T01:30:00+00:00", "2027-10-31T01:30:00"),
        ("2027-11-07T01:30:00", "America/New_York", "2027-11-07T05:30:00+00:00", "2027-11-07T01:30:00"),
        ("2027-11-07T01:30:00-05:00", "America/New_York", "2027-11-07T06:30:00+00:00", "2027-11-07T01:30:00"),
        # Lord Howe goes back by half an hour.
        ("2027-04-04T01:45:00", "Australia/Lord_Howe", "2027-04-03T14:45:00+00:00", "2027-04-04T01:45:00"),
        ("2027-04-04T01:45:00+10:30", "Australia/Lord_Howe", "2027-04-03T15:15:00+00:00", "2027-04-04T01:45:00"),
    ],
)
def test_it_is_a_moment_and_what_the_clock_shows(text: str, zone: str, moment: str, wall_time: str) -> None:
    start = start_of(text, zone)
    assert (start.moment.isoformat(), start.wall_time.isoformat()) == (moment, wall_time)


@pytest.mark.parametrize(
    ("text", "zone", "instead"),
    [
        ("2027-03-28T01:30:00", "Europe/London", "2027-03-28T02:30:00"),
        ("2027-03-14T02:30:00", "America/New_York", "2027-03-14T03:30:00"),
        ("2027-10-03T02:15:00", "Australia/Lord_Howe", "2027-10-03T02:45:00"),
        ("2011-12-30T12:00:00", "Pacific/Apia", "2011-12-31T12:00:00"),
    ],
)
def test_a_time_the_clock_leaves_out_is_refused_with_the_one_that_is_meant(text: str, zone: str, instead: str) -> None:
    with pytest.raises(ValueError, match=f"clocks go forward then. Give {instead}"):
        start_of(text, zone)


@pytest.mark.parametrize("text", ["", "tomorrow", "2027-02-29T10:00:00", "2027-03-01", "9999-12-31T23:59:59-12:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Must be a time in Europe/London"):
        start_of(text, "Europe/London")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("london", "Europe/London"), ("Europe/Londn", "Europe/London"), ("new york", "America/New_York"),
        ("america/new_york", "America/New_York"), ("Australia/Lord Howe", "Australia/Lord_Howe"),
    ],
)  # fmt: skip
def test_an_unknown_zone_is_refused_with_those_that_are_near(given: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"Did you mean {meant}"):
        check_zone(given)


def test_a_known_zone_is_none_to_refuse() -> None:
    check_zone("Europe/London")
    with pytest.raises(ValueError, match=r"such as Europe/London\.$"):
        check_zone("Qqqqqqqqqq")
