"""Relays fire schedules: each time once, whoever dies when, and what is refused is told."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shared.crypto import Sealer, new_key
from shared.errors import Conflict, LedgerUnavailable, NotFound
from shared.intake import Intake
from shared.ledger.database import Database
from shared.ledger.schedule_fires import LEASE, TRIES, Fires
from shared.ledger.schedule_rows import Kept, Schedule
from shared.schedules.book import ScheduleBook
from shared.schedules.firing import Sweeper
from tests.shared.schedules.conftest import DAY, HOUR, MINUTE, NOON, SECOND, SMS


class Killed(BaseException):
    """The process died here."""


class Power:
    """Kills whoever comes by, when it is told to: `before` or `after` it accepts the so-and-so-many-th."""

    def __init__(self, intake: Intake, *, at: int, where: str) -> None:
        self._intake, self._left, self._where = intake, at, where

    def accept_promised(self, *arguments: Any) -> Any:
        self._left -= 1
        if self._left == 0 and self._where == "before":
            raise Killed
        receipt = self._intake.accept_promised(*arguments)
        if self._left == 0 and self._where == "after":
            raise Killed
        return receipt


class Dying(Fires):
    """Dies where it would settle: what it was about to write is lost with it."""

    def settle(self, kept: Any, *, now: datetime | None = None) -> None:
        if kept:
            raise Killed


def test_what_is_due_is_sent_and_due_again_later(make, sweeper, sent, times, schedules, project_id):
    made = make()
    assert made.next_fire_at == NOON
    assert sweeper.sweep(NOON - SECOND) == 0
    assert sweeper.sweep(NOON) == 1
    assert sweeper.sweep(NOON + SECOND) == 0
    assert sweeper.sweep(NOON + HOUR) == sent() - 1 == 1
    assert times() == [(NOON, "fired"), (NOON + HOUR, "fired")]
    fires = schedules.fires.of(made.id)
    assert [fire.fired_at for fire in fires] == [NOON + HOUR, NOON]
    assert all(
        schedules.database.rows(text("SELECT FROM notifications WHERE id = :id"), {"id": fire.notification_id})
        for fire in fires
    )
    assert schedules.get(project_id, made.id).next_fire_at == NOON + 2 * HOUR


def test_one_that_has_no_time_left_ends_and_its_name_is_free(make, sweeper, sent, schedules, project_id):
    made = make("once", {"at": NOON.isoformat()})
    with pytest.raises(Conflict, match="of the name once already"):
        make("once")
    assert sweeper.sweep(NOON) == 1
    ended = schedules.get(project_id, made.id)
    assert (ended.state, ended.next_fire_at, ended.ended_at) == ("ended", None, NOON)
    assert sweeper.sweep(NOON + DAY) == 0
    for change in (schedules.pause, lambda *ids, who: schedules.resume(*ids, lambda *_: NOON, who=who)):
        with pytest.raises(Conflict, match="It has ended"):
            change(project_id, made.id, who="test")
    make("once")
    assert sent() == 1


def test_without_a_clock_of_its_own_the_databases_is_used(intake, sweeper, schedules, project_id, database):
    asked = {"name": "x", "trigger": {"every": "1h"}, "request": SMS}
    ScheduleBook(intake, schedules).create(project_id, asked, who="test")
    assert sweeper.sweep() == 0
    database.execute(text("UPDATE schedules SET next_fire_at = now()"))
    assert sweeper.sweep() == 1


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("skip", {NOON: "skipped"}),
        ("once", {NOON: "skipped", NOON + 2 * HOUR: "fired"}),
        ("all", {NOON: "fired", NOON + HOUR: "fired", NOON + 2 * HOUR: "fired"}),
    ],
)
def test_each_misfire_policy(make, sweeper, times, policy, expected):
    make(misfire=policy)
    sweeper.sweep(NOON + 2 * HOUR + 5 * MINUTE)
    assert dict(times()) == expected
    sweeper.sweep(NOON + 3 * HOUR)
    assert dict(times()) == expected | {NOON + 3 * HOUR: "fired"}


def test_all_that_was_missed_is_fired_in_one_sweep_as_far_as_its_bound_goes(make, sweeper, sent, times):
    make(trigger={"every": "1m", "start_at": NOON.isoformat()}, misfire="all")
    assert sweeper.sweep(NOON + 99 * MINUTE) == sent()
    while sweeper.sweep(NOON + 99 * MINUTE):
        pass
    assert times() == [(NOON + number * MINUTE, "fired") for number in range(100)]
    assert sent() == 100


class TestPausing:
    def test_nothing_fires_and_nothing_is_made_up_for(self, make, sweeper, sent, schedules, project_id):
        made = make(misfire="all")
        sweeper.sweep(NOON)
        paused = schedules.pause(project_id, made.id, who="test")
        assert (paused.state, paused.next_fire_at) == ("paused", None)
        assert schedules.pause(project_id, made.id, who="test").state == "paused"
        assert sweeper.sweep(NOON + 9 * HOUR) == 0
        book = ScheduleBook(sweeper.intake, schedules)
        later = schedules.resume(project_id, made.id, following_hour, who="test", now=NOON + 9 * HOUR + MINUTE)
        assert (later.state, later.next_fire_at) == ("active", NOON + 10 * HOUR)
        assert book.resume(project_id, made.id, who="test") == later
        assert sweeper.sweep(NOON + 10 * HOUR) == 1
        assert sent() == 2

    def test_one_whose_time_passed_meanwhile_is_not_resumed(self, make, schedules, project_id):
        made = make(trigger={"at": NOON.isoformat()})
        schedules.pause(project_id, made.id, who="test")
        with pytest.raises(Conflict, match="Make a new schedule"):
            schedules.resume(project_id, made.id, lambda *_: None, who="test")

    def test_others_cannot(self, make, schedules, project_id):
        made = make()
        for change in (schedules.pause, schedules.remove):
            with pytest.raises(NotFound):
                change(project_id + 1, made.id, who="test")
        with pytest.raises(NotFound):
            schedules.get(project_id + 1, made.id)

    def test_what_was_done_is_in_the_audit_log(self, make, schedules, project_id, database):
        made = make()
        schedules.pause(project_id, made.id, who="ada")
        schedules.resume(project_id, made.id, following_hour, who="ada")
        schedules.remove(project_id, made.id, who="ada")
        deeds = database.rows(text("SELECT what FROM audit_log WHERE subject = :id ORDER BY id"), {"id": str(made.id)})
        assert [row.what for row in deeds] == [
            f"schedule.{what}" for what in ("created", "paused", "resumed", "deleted")
        ]


def following_hour(schedule: Schedule, moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0) + HOUR


class TestTogether:
    @pytest.fixture
    def relays(self, database_url: str, intake: Intake) -> Iterator[list[Sweeper]]:
        """Relays with a ledger of their own each, as in processes of their own."""
        ledgers = [Database(database_url) for _ in range(4)]
        sealer = Sealer(new_key())
        yield [Sweeper(Intake(ledger, sealer), Fires(ledger)) for ledger in ledgers]
        for ledger in ledgers:
            ledger.close()

    def test_a_thousand_fire_once_each_however_many_relays_there_are(self, make, relays, database, sent):
        first = make("number-0")
        database.execute(
            text("""
                INSERT INTO schedules (id, project_id, name, trigger, request, misfire, misfire_grace, next_fire_at)
                SELECT gen_random_uuid(), project_id, 'number-' || n, trigger, request, misfire, misfire_grace,
                       next_fire_at
                FROM schedules, generate_series(1, 999) AS n WHERE id = :id
            """),
            {"id": first.id},
        )
        with ThreadPoolExecutor(len(relays)) as threads:
            fired = list(threads.map(lambda relay: sum(relay.sweep(NOON) for _ in range(3)), relays))
        assert sum(fired) == sent() == 1000
        rows = database.rows(text("SELECT schedule_id, notification_id FROM schedule_fires WHERE state = 'fired'"))
        assert len(rows) == len({row.schedule_id for row in rows}) == len({row.notification_id for row in rows}) == 1000
        assert sum(count > 0 for count in fired) > 1, "one alone did it all: this shows nothing"

    @pytest.mark.parametrize("where", ["before", "after"])
    @pytest.mark.parametrize("at", [1, 3, 5])
    def test_who_dies_while_accepting_is_made_up_for_once(self, make, relays, sent, times, intake, where, at):
        for number in range(5):
            make(f"number-{number}")
        with pytest.raises(Killed):
            Sweeper(Power(intake, at=at, where=where), Dying(intake.acceptance.database)).sweep(NOON)
        assert Counter(state for _, state in times()) == {"promised": 5}
        assert relays[0].sweep(NOON + SECOND) == 0, "somebody may still be at it"
        later = NOON + timedelta(seconds=LEASE + 1)
        with ThreadPoolExecutor(len(relays)) as threads:
            assert sum(threads.map(lambda relay: relay.sweep(later), relays)) == 5
        assert times() == [(NOON, "fired")] * 5
        assert sent() == 5
        assert relays[0].sweep(later + timedelta(seconds=LEASE + 1)) == 0

    def test_what_was_promised_before_a_pause_is_left_out(
        self, make, intake, schedules, sweeper, sent, times, project_id
    ):
        made, other = make("paused"), make("made")
        with pytest.raises(Killed):
            Sweeper(Power(intake, at=1, where="before"), Dying(intake.acceptance.database)).sweep(NOON)
        promised = {fire.notification_id for fire in schedules.fires.of(other.id)}
        intake.accept_promised(project_id, SMS, *promised)
        for one in (made, other):
            schedules.pause(project_id, one.id, who="test")
        later = NOON + timedelta(seconds=LEASE + 1)
        assert sweeper.sweep(later) == sent() == 1
        assert [fire.state for fire in schedules.fires.of(made.id)] == ["skipped"]
        assert [fire.state for fire in schedules.fires.of(other.id)] == ["fired"], "it had been made before the pause"

    def test_who_dies_while_claiming_has_claimed_nothing(self, make, schedules, sweeper, sent, times):
        make()

        def killed(*_: Any) -> Any:
            raise Killed

        with pytest.raises(Killed):
            schedules.fires.claim(killed, most=10, now=NOON)
        assert times() == []
        assert sweeper.sweep(NOON) == sent() == 1

    def test_who_took_longer_than_his_lease_doubles_nothing(self, make, schedules, sweeper, sent, times, intake):
        make()
        from shared.schedules.firing import decide

        _, [promise] = schedules.fires.claim(decide, most=10, now=NOON)
        assert sweeper.sweep(NOON + MINUTE) == 1
        intake.accept_promised(promise.project_id, promise.request, promise.notification_id)
        schedules.fires.settle([Kept(promise, "failed", "too late to say so")])
        assert times() == [(NOON, "fired")]
        assert sent() == 1


class TestTrouble:
    def test_what_is_refused_is_told_and_the_schedule_goes_on(
        self, make, sweeper, schedules, project_id, database, sent
    ):
        made = make()
        spoiled = text("""UPDATE schedules SET request = request #- '{to,phone}'""")
        database.execute(spoiled)
        assert sweeper.sweep(NOON) == sent() == 0
        [fire] = schedules.fires.of(made.id)
        assert (fire.state, fire.fired_at) == ("failed", None)
        assert "to.phone" in fire.reason
        assert schedules.get(project_id, made.id).next_fire_at == NOON + HOUR
        assert sweeper.sweep(NOON + DAY) == 0, "and it is not tried again and again"
        assert [fire.state for fire in schedules.fires.of(made.id)][-1] == "failed"

    def test_a_mistake_of_ours_holds_up_nobody_and_is_given_up_in_the_end(self, make, intake, schedules, times, sent):
        class Broken:
            def accept_promised(self, project_id: int, request: Any, identifier: Any) -> Any:
                if request["to"]["phone"] == "+447700900999":
                    raise RuntimeError("the colour of money")
                return intake.accept_promised(project_id, request, identifier)

        make("a", request={**SMS, "to": {"phone": "+447700900999"}}, trigger={"at": NOON.isoformat()})
        make("b", trigger={"at": NOON.isoformat()})
        sweeper, now = Sweeper(Broken(), schedules.fires), NOON
        assert sweeper.sweep(now) == 1
        assert sorted(state for _, state in times()) == ["fired", "promised"]
        for _ in range(TRIES):
            now += timedelta(seconds=LEASE + 1)
            assert sweeper.sweep(now) == 0
        assert sorted(state for _, state in times()) == ["failed", "fired"]
        assert sent() == 1

    def test_a_ledger_that_goes_away_keeps_what_is_promised(self, make, sweeper, schedules, times, sent):
        class Away:
            def accept_promised(self, *_: Any) -> Any:
                raise LedgerUnavailable("gone")

        make()
        with pytest.raises(LedgerUnavailable):
            Sweeper(Away(), schedules.fires).sweep(NOON)
        assert times() == [(NOON, "promised")]
        assert sweeper.sweep(NOON + MINUTE) == sent() == 1

    def test_a_time_zone_that_is_gone_ends_its_schedule_and_no_other(
        self, make, sweeper, schedules, database, project_id
    ):
        gone = make("gone", {"cron": "0 * * * *", "timezone": "Europe/London"})
        other = make("other")
        book = ScheduleBook(sweeper.intake, schedules)
        moved = text("""UPDATE schedules SET trigger = trigger || '{"timezone": "Mars/Base"}' WHERE id = :id""")
        database.execute(moved, {"id": gone.id})
        assert book.show(project_id, gone.id)["next_fires"] == [NOON]
        schedules.pause(project_id, gone.id, who="test")
        with pytest.raises(Conflict, match="Mars/Base"):
            book.resume(project_id, gone.id, who="test")
        database.execute(text("UPDATE schedules SET state = 'active', next_fire_at = :noon"), {"noon": NOON})
        assert sweeper.sweep(NOON) == 1
        [fire] = schedules.fires.of(gone.id)
        assert (fire.state, "Mars/Base" in fire.reason) == ("failed", True)
        assert schedules.get(project_id, gone.id).state == "ended"
        assert schedules.get(project_id, other.id).state == "active"

    def test_one_that_is_deleted_sends_no_more(self, make, sweeper, schedules, project_id, times, sent):
        made = make()
        sweeper.sweep(NOON)
        schedules.remove(project_id, made.id, who="test")
        assert sweeper.sweep(NOON + DAY) == 0
        assert (times(), sent()) == ([], 1)


def test_a_project_has_a_bounded_number(intake, schedules, project_id):
    few = ScheduleBook(intake, replace(schedules, most=1), now=lambda: NOON)
    asked = {"name": "a", "trigger": {"every": "1h"}, "request": SMS}
    few.create(project_id, asked, who="test")
    with pytest.raises(Conflict, match="may have 1 schedules"):
        few.create(project_id, {**asked, "name": "b"}, who="test")
