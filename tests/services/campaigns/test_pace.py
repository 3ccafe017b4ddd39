"""A throttle holds: in the beginning, in the middle, after a pause, and when workers were away."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from shared.campaigns.pace import rate_of
from shared.ledger import campaigns
from shared.ledger.campaigns import AHEAD
from shared.ledger.database import Database
from shared.ledger.devices import Devices
from tests.services.campaigns.conftest import WHO, Ground

DUE = "SELECT count(*) FROM deliveries WHERE due_at <= :moment"


def run(ground: Ground, begin: datetime, seconds: float) -> datetime:
    """Let it go on for so long, a quarter of a second at a time; the moment after."""
    moment, end = begin, begin + timedelta(seconds=seconds)
    while moment < end:
        while ground.engine.step(now=moment):
            pass
        moment += timedelta(seconds=0.25)
    return moment


@pytest.mark.parametrize(("throttle", "rate"), [("100/s", 100), ("600/m", 10), ("5000/h", 5000 / 3600)])
def test_what_a_throttle_says(throttle: str, rate: float) -> None:
    assert rate_of(throttle) == rate


@pytest.mark.parametrize("throttle", ["", "100", "0/s", "-1/s", "100/d", "1.5/s", "99999999/s", "20000/s"])
def test_what_no_throttle_says_is_refused(throttle: str) -> None:
    with pytest.raises(ValueError, match=r"100/s|at most"):
        rate_of(throttle)


@pytest.mark.parametrize("throttle", ["20/s", "90/m"])
def test_no_more_is_due_at_any_moment_than_it_allows(ground: Ground, throttle: str) -> None:
    ground.people(400)
    rate = rate_of(throttle)
    made = ground.released(throttle=throttle)
    begin = datetime.now(UTC)
    # What is due and not claimed counts against it: here workers take it at once.
    for second in range(1, 9):
        moment = run(ground, begin + timedelta(seconds=second - 1), 1)
        elapsed = (moment - begin).total_seconds()
        due = ground.number(DUE, moment=moment)
        assert due <= rate * (elapsed + 0.5) + 1
        assert due >= min(rate * (elapsed - 1), 400) - 1
        ahead = ground.number("SELECT count(*) FROM deliveries WHERE due_at > :moment", moment=moment)
        assert ahead <= rate * AHEAD + 1
        ground.database.execute(
            text("UPDATE deliveries SET state = 'sent', due_at = due_at WHERE due_at <= :moment"), {"moment": moment}
        )
    assert ground.now(made).taken <= rate * (8 + AHEAD) + 1


def test_after_a_pause_there_is_no_burst(ground: Ground, database: Database) -> None:
    ground.people(400)
    made = ground.released(throttle="20/s")
    begin = datetime.now(UTC)
    run(ground, begin, 1)
    assert ground.number("SELECT count(*) FROM deliveries") >= 90
    ground.book.campaigns.pause(ground.project_id, made.id, who=WHO, now=begin + timedelta(seconds=1))
    resumed = begin + timedelta(minutes=10)
    ground.book.campaigns.resume(ground.project_id, made.id, who=WHO, now=resumed)
    for second in (1, 2, 4):
        moment = resumed + timedelta(seconds=second)
        assert ground.number(DUE, moment=moment) <= 20 * second + 1
    run(ground, resumed, 6)
    assert ground.number(DUE, moment=resumed + timedelta(seconds=8)) <= 20 * 8.5 + 1


def test_while_workers_are_away_it_does_not_pile_up(ground: Ground) -> None:
    ground.people(400)
    made = ground.released(throttle="20/s")
    run(ground, datetime.now(UTC), 60)
    assert ground.now(made).taken <= 20 * AHEAD * 2 + 1


def test_zones_share_the_throttle_and_wait_for_their_moments(ground: Ground) -> None:
    rows = "".join(
        f"+4477009{number:05d},{zone}\n"
        for number, zone in enumerate(["Asia/Tokyo"] * 30 + ["Europe/London"] * 30 + [""] * 10)
    )
    ground.load("phone,timezone\n" + rows)
    day = datetime(2031, 3, 28, tzinfo=UTC)
    at = {"at": "2031-03-28T09:00", "timezone": "Europe/London"}
    made = ground.draft(local_time=at)
    now = day - timedelta(days=1)
    ground.book.release(ground.project_id, made.id, unseen=True, who=WHO, now=now)
    tokyo, london = day, day + timedelta(hours=9)
    assert not ground.engine.step(now=now)
    assert not ground.engine.step(now=tokyo - timedelta(seconds=1))
    while ground.engine.step(now=tokyo):
        pass
    assert ground.now(made).taken == 30
    assert ground.now(made).next_at == london
    while ground.engine.step(now=london):
        pass
    assert ground.now(made).taken == 70
    assert ground.number("SELECT count(DISTINCT target) FROM deliveries") == 70


def test_those_whose_time_has_passed_may_be_left_out(ground: Ground) -> None:
    ground.load("phone,timezone\n+447700900001,Asia/Tokyo\n+447700900002,Europe/London\n")
    made = ground.draft(local_time={"at": "2031-03-28T09:00", "timezone": "Europe/London", "past": "skip"})
    now = datetime(2031, 3, 28, 6, tzinfo=UTC)
    ground.book.release(ground.project_id, made.id, unseen=True, who=WHO, now=now)
    while ground.engine.step(now=now + timedelta(hours=3)):
        pass
    found = ground.now(made)
    assert (found.taken, found.passed_over) == (1, 1)
    progress = ground.book.show(ground.project_id, made.id)["progress"]
    assert (progress["passed_over"], progress["left"]) == (1, 0)


def test_each_device_counts_against_it(ground: Ground, database: Database) -> None:
    for user in range(40):
        for number in range(3):
            Devices(database).register(ground.project_id, f"u_{user}", f"token-{user}-{number}-{'x' * 20}", "fcm")
    ground.load("user_id\n" + "".join(f"u_{user}\n" for user in range(40)))
    push = {"channel": "push", "content": {"title": "Open", "body": "We are open on Sunday."}}
    ground.released(request=push, throttle="6/s")
    begin = datetime.now(UTC)
    moment = run(ground, begin, 2)
    assert 0 < ground.number(DUE, moment=moment) <= 6 * 2.5 + 3


def test_what_waits_is_given_its_moments_again_in_slices(
    ground: Ground, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(campaigns, "_SLICE", 7)
    ground.people(100)
    made = ground.released(throttle="10/s")
    begin = datetime.now(UTC)
    run(ground, begin, 3)
    ground.book.campaigns.pause(ground.project_id, made.id, who=WHO, now=begin)
    resumed = begin + timedelta(minutes=1)
    ground.book.campaigns.resume(ground.project_id, made.id, who=WHO, now=resumed)
    rows = database.rows(text("SELECT due_at FROM deliveries ORDER BY due_at"))
    assert len(rows) > 50
    for place, row in enumerate(rows):
        assert row.due_at == resumed + timedelta(seconds=place / 10)
    assert ground.now(made).paced_until == resumed + timedelta(seconds=len(rows) / 10)


@pytest.mark.parametrize("people", [150, 1000], ids=["all are taken", "some are not taken yet"])
def test_what_was_put_off_to_the_same_moment_is_spread(ground: Ground, people: int) -> None:
    ground.people(people)
    made = ground.released(throttle="5/s")
    begin = datetime.now(UTC)
    morning = begin + timedelta(hours=8)
    for second in range(30):
        run(ground, begin + timedelta(seconds=second), 1)
        # As quiet hours do with each that comes to the gate.
        ground.database.execute(
            text("UPDATE deliveries SET due_at = :morning WHERE due_at <= :moment"),
            {"morning": morning, "moment": begin + timedelta(seconds=second + 1)},
        )
    put_off = ground.number("SELECT count(*) FROM deliveries WHERE due_at = :morning", morning=morning)
    assert put_off >= 140
    ground.database.execute(text("UPDATE campaigns SET next_at = :moment"), {"moment": morning - timedelta(seconds=4)})
    moment = run(ground, morning - timedelta(seconds=4), 4)
    for second in (0, 5, 10, 20):
        assert ground.number(DUE, moment=morning + timedelta(seconds=second)) <= 5 * (second + 2 * AHEAD) + 1
        moment = run(ground, moment, 1)
    assert ground.now(made).state == "running"
