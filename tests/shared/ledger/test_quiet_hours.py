"""When quiet hours end: by the clock on the wall, on days when clocks change too."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.ledger.quiet_hours import QuietHours, Window

NIGHT = (time(22), time(8))


@pytest.fixture
def quiet(database):
    return QuietHours(database)


def wall(zone, *moment, fold=0):
    """A moment by the clock on the wall there."""
    return datetime(*moment, tzinfo=ZoneInfo(zone), fold=fold)


@pytest.mark.parametrize(
    ("zone", "at", "until"),
    [
        ("Europe/Paris", (2026, 6, 1, 22, 0), (2026, 6, 2, 8, 0)),
        ("Europe/Paris", (2026, 6, 1, 23, 59), (2026, 6, 2, 8, 0)),
        ("Europe/Paris", (2026, 6, 2, 7, 59), (2026, 6, 2, 8, 0)),
        ("Europe/Paris", (2026, 6, 2, 8, 0), None),
        ("Europe/Paris", (2026, 6, 2, 21, 59), None),
        ("Europe/Paris", (2026, 12, 31, 23, 30), (2027, 1, 1, 8, 0)),
        # Clocks go forward, and back: the night is an hour shorter, and longer.
        ("Europe/Paris", (2026, 3, 28, 23, 0), (2026, 3, 29, 8, 0)),
        ("Europe/Paris", (2026, 10, 24, 23, 0), (2026, 10, 25, 8, 0)),
        ("America/New_York", (2026, 3, 7, 23, 0), (2026, 3, 8, 8, 0)),
        ("America/New_York", (2026, 10, 31, 23, 0), (2026, 11, 1, 8, 0)),
        # Half an hour, and the other way round.
        ("Australia/Lord_Howe", (2026, 10, 3, 23, 0), (2026, 10, 4, 8, 0)),
        ("Australia/Lord_Howe", (2026, 4, 4, 23, 0), (2026, 4, 5, 8, 0)),
        # Clocks that never change, and are not whole hours away.
        ("Asia/Kathmandu", (2026, 3, 29, 1, 0), (2026, 3, 29, 8, 0)),
        ("UTC", (2026, 10, 25, 1, 0), (2026, 10, 25, 8, 0)),
    ],
)
def test_a_night_ends_at_eight_by_the_clock_there(quiet, zone, at, until):
    found = quiet.end(wall(zone, *at), zone, *NIGHT)
    if until is None:
        assert found is None
    else:
        assert found == (wall(zone, *until), f"Quiet hours until 08:00 ({zone}).")


def test_nights_in_which_clocks_change_are_as_long_as_they_are(quiet):
    for zone, day, hours in (
        ("Europe/Paris", (2026, 3, 28), 9), ("Europe/Paris", (2026, 10, 24), 11), ("Europe/Paris", (2026, 6, 1), 10),
        ("America/New_York", (2026, 3, 7), 9), ("America/New_York", (2026, 10, 31), 11),
        ("Australia/Lord_Howe", (2026, 10, 3), 9.5), ("Australia/Lord_Howe", (2026, 4, 4), 10.5),
    ):  # fmt: skip
        at = wall(zone, *day, 22)
        ends, _ = quiet.end(at, zone, *NIGHT)
        assert ends - at.astimezone(UTC) == timedelta(hours=hours), (zone, day)


def test_an_end_that_the_clock_jumps_over_is_the_jump(quiet):
    ends, why = quiet.end(wall("Europe/Paris", 2026, 3, 29, 1, 0), "Europe/Paris", time(22), time(2, 30))
    assert (ends, why) == (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "Quiet hours until 03:00 (Europe/Paris).")


def test_an_end_that_the_clock_shows_twice_is_the_first_after_the_moment(quiet):
    window = (time(22), time(2, 30))
    for at, until in (
        (wall("Europe/Paris", 2026, 10, 25, 1), wall("Europe/Paris", 2026, 10, 25, 2, 30)),
        (wall("Europe/Paris", 2026, 10, 25, 2, 10), wall("Europe/Paris", 2026, 10, 25, 2, 30)),
        (wall("Europe/Paris", 2026, 10, 25, 2, 10, fold=1), wall("Europe/Paris", 2026, 10, 25, 2, 30, fold=1)),
    ):
        assert quiet.end(at, "Europe/Paris", *window)[0] == until.astimezone(UTC)
    assert quiet.end(wall("Europe/Paris", 2026, 10, 25, 2, 45), "Europe/Paris", *window) is None


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
@pytest.mark.parametrize(("quiet_from", "quiet_until"), [(22, 8), (13, 15), (0, 6), (1, 3), (23, 0)])
def test_every_quarter_of_an_hour_of_days_when_clocks_change_agrees_with_the_wall(
    quiet, zone, quiet_from, quiet_until
):  # fmt: skip
    """Against the plain rule: quiet while the clock shows such a time, and over at the first minute it does not."""
    window = time(quiet_from), time(quiet_until)

    def is_quiet(moment):
        shown = moment.astimezone(ZoneInfo(zone)).time()
        if window[0] < window[1]:
            return window[0] <= shown < window[1]
        return shown >= window[0] or shown < window[1]

    days = [(2026, 3, 8), (2026, 3, 29), (2026, 4, 4), (2026, 10, 3), (2026, 10, 25), (2026, 11, 1)]
    for day in days:
        for quarter in range(0, 4 * 30, 3):
            at = datetime(*day, tzinfo=UTC) - timedelta(hours=3) + timedelta(minutes=15 * quarter)
            found = quiet.end(at, zone, *window)
            assert (found is not None) == is_quiet(at), (day, at)
            if found is not None:
                ends, _ = found
                assert ends > at and not is_quiet(ends), (day, at)
                assert is_quiet(ends - timedelta(minutes=1)), (day, at)
                between = range((ends - at) // timedelta(minutes=15))
                assert all(is_quiet(at + timedelta(minutes=15 * n)) for n in between)


def test_the_same_hour_twice_is_no_quiet_hour(quiet):
    for hour in range(24):
        assert quiet.end(wall("Europe/Paris", 2026, 6, 1, hour), "Europe/Paris", time(9), time(9)) is None


def test_a_zone_that_the_server_does_not_know_is_utc(quiet):
    ends, why = quiet.end(datetime(2026, 6, 1, 23, tzinfo=UTC), "Mars/Olympus_Mons", *NIGHT)
    assert (ends, why) == (datetime(2026, 6, 2, 8, tzinfo=UTC), "Quiet hours until 08:00 (UTC).")


def test_a_projects_are_kept_and_forgotten(quiet, project_id):
    window = Window(*NIGHT, "Europe/Paris", ["sms"])
    assert quiet.of(project_id) is None and not quiet.remove(project_id)
    quiet.set(project_id, window)
    quiet.set(project_id, Window(*NIGHT, "Europe/Berlin", ["sms", "push"]))
    assert quiet.of(project_id) == Window(*NIGHT, "Europe/Berlin", ["sms", "push"])
    assert quiet.remove(project_id) and quiet.of(project_id) is None
