"""Each reminder is sent once, at its time, never for an event that was moved, cancelled or has begun."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.relay.reminders import ReminderDesk
from shared.crypto import Sealer, new_key
from shared.errors import Conflict, InvalidInput, LedgerUnavailable, NotFound
from shared.intake import Intake
from shared.ledger.appointments import CANCELLED, LEFT_OUT, MOVED, TOO_LATE, Appointment, Appointments
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.ledger.reminders import BEGUN, LEASE, OUTDONE, Reminders
from shared.ledger.template_store import TemplateStore
from shared.ledger.work import Starting, Work
from shared.reminders.planner import Planner
from shared.templates.catalogue import load_catalogue

MAIL = {"channel": "email", "to": {"email": "ada@example.com"}, "content": {"subject": "Soon", "text": "Hello"}}
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
ME = "key abc"


@dataclass
class Scene:
    """A project, and a clock that is set by hand."""

    database: Database
    project: int
    now: datetime = NOON

    def __post_init__(self) -> None:
        self.sealer = Sealer(new_key())
        self.intake = Intake(self.database, self.sealer, now=lambda: self.now)
        self.appointments = Appointments(self.database)
        self.planner = Planner(self.appointments, self.intake, now=lambda: self.now)
        self.desk = ReminderDesk(Reminders(self.database), self.intake)

    def put(self, key: str = "a", after: timedelta = timedelta(days=3), **given: Any) -> Appointment:
        start = (self.now + after).isoformat()
        asked = {"starts_at": start, "timezone": "Europe/London", "notification": MAIL, **given}
        return self.planner.put(self.project, key, asked, who=ME)

    def move(self, to: datetime, key: str = "a", **given: Any) -> Appointment:
        return self.planner.change(self.project, key, {"starts_at": to.isoformat(), **given}, who=ME)

    def cancel(self, key: str = "a") -> Appointment:
        return self.planner.cancel(self.project, key, who=ME)

    def at(self, now: datetime) -> int:
        """Sweep at a time."""
        self.now = now
        return self.desk.sweep(now)

    def states(self, key: str = "a", version: int | None = None) -> dict[str, str]:
        found = self.appointments.get(self.project, key)
        return {one.before: one.state for one in found.reminders if one.version == (version or found.version)}

    def deliveries(self) -> list[Any]:
        return list(self.database.rows(text("SELECT id, state, expires_at FROM deliveries ORDER BY id")))


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database, Keys(database).project("acme"))


class TestSending:
    def test_each_is_sent_once_and_at_its_time(self, scene: Scene) -> None:
        start = scene.put().starts_at
        assert scene.at(start - timedelta(hours=24, seconds=1)) == 0
        assert scene.at(start - timedelta(hours=24)) == 1
        assert scene.states() == {"24h": "sent", "2h": "waiting"}
        assert scene.at(start - timedelta(hours=3)) == 0
        assert scene.at(start - timedelta(hours=2) + timedelta(seconds=1)) == 1
        assert scene.at(start - timedelta(hours=1)) == 0
        assert scene.states() == {"24h": "sent", "2h": "sent"}
        assert len(scene.deliveries()) == 2
        found = scene.appointments.get(scene.project, "a")
        assert [one.notification_state for one in found.reminders] == ["queued", "queued"]

    def test_it_is_worthless_before_the_event_begins(self, scene: Scene) -> None:
        start = scene.put().starts_at
        scene.at(start - timedelta(hours=24))
        [delivery] = scene.deliveries()
        assert timedelta(0) < start - delivery.expires_at <= timedelta(minutes=1)

    def test_after_an_outage_only_the_latest_that_is_due_is_sent(self, scene: Scene) -> None:
        start = scene.put(offsets=["7d", "24h", "2h", "30m"], late="skip", after=timedelta(days=10)).starts_at
        assert scene.at(start - timedelta(hours=1)) == 1
        assert scene.states() == {"7d": "missed", "24h": "missed", "2h": "sent", "30m": "waiting"}
        reasons = {one.before: one.reason for one in scene.appointments.get(scene.project, "a").reminders}
        assert reasons["24h"] == OUTDONE

    def test_of_two_that_are_due_at_once_one_is_sent(self, scene: Scene) -> None:
        start = scene.put(offsets=["1d", "24h"]).starts_at
        assert scene.at(start - timedelta(hours=24)) == 1
        assert Counter(scene.states().values()) == {"missed": 1, "sent": 1}

    @pytest.mark.parametrize("before", [timedelta(0), timedelta(seconds=10), -timedelta(hours=1)])
    def test_never_when_the_event_begins_or_has_begun(self, scene: Scene, before: timedelta) -> None:
        start = scene.put().starts_at
        assert scene.at(start - before) == 0
        assert scene.deliveries() == []
        assert scene.states() == {"24h": "missed", "2h": "missed"}
        found = scene.appointments.get(scene.project, "a")
        assert {one.reason for one in found.reminders} == {BEGUN}
        assert found.state == ("scheduled" if before > timedelta(0) else "past")

    def test_what_cannot_be_sent_any_more_fails_with_the_reason_and_holds_up_nobody(self, scene: Scene) -> None:
        start = scene.put("a").starts_at
        scene.put("b")
        broken = text("UPDATE appointments SET request = jsonb_set(request, '{to}', '{}') WHERE key = 'a'")
        scene.database.execute(broken)
        assert scene.at(start - timedelta(hours=24)) == 2
        assert (scene.states("a")["24h"], scene.states("b")["24h"]) == ("failed", "sent")
        [reason] = [one.reason for one in scene.appointments.get(scene.project, "a").reminders if one.state == "failed"]
        assert reason is not None
        assert "to.email" in reason

    def test_a_template_is_told_when_the_event_is_also_after_it_was_moved(self, scene: Scene) -> None:
        for name, bundle in load_catalogue().items():
            TemplateStore(scene.database).add(None, name, bundle.checksum, bundle.to_json())
        data = {"what": "Haircut", "appointment_id": "4711"}
        request = {"template": "appointment_reminder", "channel": "email", "to": MAIL["to"], "data": data}
        start = scene.put(notification=request).starts_at
        moved = scene.move(start + timedelta(days=1))
        scene.at(moved.starts_at - timedelta(hours=24))
        [row] = scene.database.rows(text("SELECT data FROM notifications"))
        assert datetime.fromisoformat(row.data["starts_at"]) == moved.starts_at
        assert row.data["timezone"] == "Europe/London"

    @pytest.mark.parametrize(
        ("starts_at", "timezone", "due"),
        [
            ("2027-03-28T18:00:00", "Europe/London", "2027-03-27T18:00:00+00:00"),
            ("2027-11-07T09:00:00", "America/New_York", "2027-11-06T13:00:00+00:00"),
            ("2027-10-03T09:00:00", "Australia/Lord_Howe", "2027-10-01T22:30:00+00:00"),
            ("2028-03-01T08:00:00", "Europe/London", "2028-02-29T08:00:00+00:00"),
        ],
    )
    def test_a_day_before_is_the_same_time_on_the_clock(
        self, scene: Scene, starts_at: str, timezone: str, due: str
    ) -> None:
        scene.put(starts_at=starts_at, timezone=timezone, offsets=["1d"])
        moment = datetime.fromisoformat(due)
        assert scene.at(moment - timedelta(seconds=1)) == 0
        assert scene.at(moment) == 1


class TestTogether:
    def test_two_relays_send_a_thousand_once_and_miss_none(self, scene: Scene, database_url: str) -> None:
        start = scene.put("event-0").starts_at
        copied = text("""
            WITH more AS (
                INSERT INTO appointments (id, project_id, key, starts_at, wall_time, timezone, offsets, request)
                SELECT gen_random_uuid(), project_id, 'event-' || n, starts_at, wall_time, timezone, offsets, request
                FROM appointments, generate_series(1, 999) n RETURNING id)
            INSERT INTO reminders (appointment_id, version, before, starts_at, due_at, next_at, state)
            SELECT more.id, 1, r.before, r.starts_at, r.due_at, r.next_at, 'waiting' FROM more, reminders r
        """)
        scene.database.execute(copied)
        scene.now = start - timedelta(hours=24)
        other = Database(database_url)
        desks = [
            scene.desk,
            ReminderDesk(Reminders(other), Intake(other, scene.sealer, now=lambda: scene.now), batch=70),
        ]
        began = time.monotonic()
        with ThreadPoolExecutor(2) as pool:
            swept = list(pool.map(lambda desk: desk.sweep(scene.now), desks))
        print(f"1000 reminders by two relays in {time.monotonic() - began:.2f} s: {swept}")
        while scene.desk.sweep(scene.now):  # where a turn was over before
            pass
        other.close()
        assert len(scene.deliveries()) == 1000
        [sent] = scene.database.rows(
            text("SELECT count(DISTINCT notification_id) AS n FROM reminders WHERE state = 'sent'")
        )
        assert sent.n == 1000

    @pytest.mark.parametrize("step", ["promised", "accepted"])
    def test_a_crash_between_the_steps_is_made_up_for_once(self, scene: Scene, step: str) -> None:
        start = scene.put().starts_at
        due = start - timedelta(hours=24)
        scene.now = due
        ids, _ = scene.desk.reminders.promise(size=10, now=due)
        if step == "accepted":

            class Died(Exception):
                """The process."""

            def die() -> None:
                with scene.desk.reminders.handing_over(ids) as handover:
                    scene.desk._hand_over(handover)
                    raise Died

            with pytest.raises(Died):
                die()
            assert len(scene.deliveries()) == 1
        assert scene.at(due + timedelta(seconds=1)) == 0, "somebody may still be at it"
        assert scene.states()["24h"] == "promised"
        assert scene.at(due + LEASE + timedelta(seconds=1)) == 1
        assert scene.states()["24h"] == "sent"
        assert [delivery.id for delivery in scene.deliveries()] == ids
        assert scene.at(due + 3 * LEASE) == 0

    def test_what_was_promised_and_not_made_before_the_event_is_missed(self, scene: Scene) -> None:
        start = scene.put(offsets=["2h"]).starts_at
        scene.desk.reminders.promise(size=10, now=start - timedelta(hours=2))
        scene.at(start + timedelta(seconds=1))
        assert scene.states() == {"2h": "missed"}
        assert scene.deliveries() == []

    def test_what_was_made_and_not_noted_before_the_event_was_sent(self, scene: Scene) -> None:
        start = scene.put(offsets=["2h"]).starts_at
        scene.now = start - timedelta(hours=2)
        [identifier], _ = scene.desk.reminders.promise(size=10, now=scene.now)
        scene.intake.accept_promised(scene.project, MAIL, identifier)
        scene.at(start + timedelta(seconds=1))
        assert scene.states() == {"2h": "sent"}
        assert len(scene.deliveries()) == 1

    def test_a_mistake_of_ours_holds_up_nobody_and_is_tried_again(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        start = scene.put("a").starts_at
        scene.put("b", notification={**MAIL, "to": {"email": "grace@example.com"}})
        accept = scene.intake.accept_promised

        def broken(project: int, request: Any, identifier: UUID, **options: Any) -> Any:
            if request["to"]["email"] == "ada@example.com":
                raise ZeroDivisionError
            return accept(project, request, identifier, **options)

        due = start - timedelta(hours=24)
        with monkeypatch.context() as patch:
            patch.setattr(scene.intake, "accept_promised", broken)
            scene.at(due)
        assert (scene.states("a")["24h"], scene.states("b")["24h"]) == ("promised", "sent")
        scene.at(due + LEASE)
        assert scene.states("a")["24h"] == "sent"

    def test_a_relay_whose_clock_is_ahead_reminds_all_the_same(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        start = scene.put(offsets=["30m"]).starts_at
        monkeypatch.setattr(scene.intake, "_now", lambda: scene.now + timedelta(hours=1))
        scene.at(start - timedelta(minutes=30))
        assert scene.states() == {"30m": "sent"}

    def test_without_the_ledger_nothing_is_lost(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        start = scene.put().starts_at
        due = start - timedelta(hours=24)

        def away(*_: Any, **__: Any) -> Any:
            raise LedgerUnavailable("away")

        with monkeypatch.context() as patch:
            patch.setattr(scene.intake, "accept_promised", away)
            with pytest.raises(LedgerUnavailable):
                scene.at(due)
        scene.at(due + LEASE)
        assert scene.states()["24h"] == "sent"


class TestMoving:
    def test_what_waits_waits_for_the_new_start(self, scene: Scene) -> None:
        start = scene.put().starts_at
        moved = scene.move(start + timedelta(days=2))
        assert (moved.version, scene.states(version=1), scene.states()) == (
            2, {"24h": "cancelled", "2h": "cancelled"}, {"24h": "waiting", "2h": "waiting"},
        )  # fmt: skip
        assert {one.reason for one in moved.reminders if one.version == 1} == {MOVED}
        assert scene.at(start - timedelta(hours=24)) == 0
        assert scene.at(moved.starts_at - timedelta(hours=24)) == 1

    def test_one_that_was_sent_is_sent_again_where_its_time_is_still_ahead(self, scene: Scene) -> None:
        start = scene.put().starts_at
        scene.at(start - timedelta(hours=24))
        mark_sent(scene)
        moved = scene.move(start + timedelta(days=1))
        assert scene.states(version=1)["24h"] == "sent"
        assert scene.states() == {"24h": "waiting", "2h": "waiting"}
        assert scene.at(moved.starts_at - timedelta(hours=24)) == 1
        assert len(scene.deliveries()) == 2

    def test_one_that_was_sent_is_not_sent_again_where_its_time_has_passed(self, scene: Scene) -> None:
        start = scene.put().starts_at
        scene.at(start - timedelta(hours=24))
        mark_sent(scene)
        scene.move(start - timedelta(hours=5))
        assert scene.states() == {"24h": "missed", "2h": "waiting"}

    def test_one_that_had_not_left_is_withdrawn_and_sent_for_the_new_start(self, scene: Scene) -> None:
        start = scene.put().starts_at
        scene.at(start - timedelta(hours=24))
        moved = scene.move(start - timedelta(minutes=5))
        assert scene.states(version=1)["24h"] == "cancelled"
        assert scene.states() == {"24h": "waiting", "2h": "waiting"}
        assert scene.at(scene.now + timedelta(seconds=1)) == 1
        assert [delivery.state for delivery in scene.deliveries()] == ["cancelled", "queued"]
        assert scene.appointments.get(scene.project, "a").starts_at == moved.starts_at

    def test_the_same_again_changes_nothing(self, scene: Scene) -> None:
        asked = {"starts_at": "2027-03-04T12:00:00", "offsets": ["24h", "2h"]}
        start = scene.put(**asked).starts_at
        scene.at(start - timedelta(hours=24))
        again = scene.put(**asked)
        assert (again.version, scene.states()) == (1, {"24h": "sent", "2h": "waiting"})
        assert [delivery.state for delivery in scene.deliveries()] == ["queued"]

    def test_offsets_are_added_and_left_out(self, scene: Scene) -> None:
        scene.put(offsets=["24h", "2h"])
        changed = scene.planner.change(scene.project, "a", {"offsets": ["2h", "30m"]}, who=ME)
        assert scene.states() == {"24h": "cancelled", "2h": "waiting", "30m": "waiting"}
        assert [one.reason for one in changed.reminders if one.before == "24h"] == [LEFT_OUT]
        scene.planner.change(scene.project, "a", {"offsets": ["24h"]}, who=ME)
        assert scene.states() == {"24h": "waiting", "2h": "cancelled", "30m": "cancelled"}

    def test_another_notification_is_what_is_sent_from_then_on(self, scene: Scene) -> None:
        start = scene.put().starts_at
        scene.planner.change(scene.project, "a", {"notification": {**MAIL, "to": {"email": "new@example.com"}}}, who=ME)
        scene.at(start - timedelta(hours=24))
        [row] = scene.database.rows(text("SELECT target FROM deliveries"))
        assert row.target == "new@example.com"

    def test_a_cancelled_one_takes_place_after_all_when_it_is_put(self, scene: Scene) -> None:
        start = scene.put().starts_at
        scene.cancel()
        with pytest.raises(Conflict, match="PUT it"):
            scene.move(start)
        again = scene.put()
        assert (again.state, again.version, scene.states()) == ("scheduled", 2, {"24h": "waiting", "2h": "waiting"})

    def test_one_that_has_begun_is_not_moved(self, scene: Scene) -> None:
        start = scene.put().starts_at
        scene.at(start)
        with pytest.raises(Conflict, match="has begun"):
            scene.move(start + timedelta(days=3))
        with pytest.raises(Conflict, match="has begun"):
            scene.cancel()


class TestCancelling:
    def test_nothing_that_waits_is_sent(self, scene: Scene) -> None:
        start = scene.put().starts_at
        cancelled = scene.cancel()
        assert (cancelled.state, scene.states()) == ("cancelled", {"24h": "cancelled", "2h": "cancelled"})
        assert {one.reason for one in cancelled.reminders} == {CANCELLED}
        assert scene.at(start - timedelta(hours=1)) == 0
        assert scene.cancel() == cancelled

    def test_what_was_promised_is_never_made(self, scene: Scene) -> None:
        start = scene.put().starts_at
        scene.now = start - timedelta(hours=24)
        ids, _ = scene.desk.reminders.promise(size=10, now=scene.now)
        scene.cancel()
        with scene.desk.reminders.handing_over(ids) as handover:
            assert handover.promised == []
        scene.at(scene.now + 2 * LEASE)
        assert scene.deliveries() == []

    def test_what_was_handed_over_is_withdrawn(self, scene: Scene) -> None:
        start = scene.put().starts_at
        scene.at(start - timedelta(hours=24))
        found = scene.cancel()
        assert [delivery.state for delivery in scene.deliveries()] == ["cancelled"]
        assert [one.notification_state for one in found.reminders if one.notification_id] == ["cancelled"]

    def test_what_is_being_sent_is_not_tried_again(self, scene: Scene) -> None:
        start = scene.put().starts_at
        scene.at(start - timedelta(hours=24))
        work = Work(scene.database)
        [claimed] = work.claim("email.normal", 10, 30.0)
        assert work.start([Starting(claimed, "smtp")])
        found = scene.cancel()
        assert scene.states()["24h"] == "sent", "it may have been"
        assert found.state == "cancelled"
        scene.database.execute(text("UPDATE deliveries SET state = 'queued', due_at = now(), lease_until = NULL"))
        [again] = work.claim("email.normal", 10, 30.0)
        assert not work.start([Starting(again, "smtp")])
        assert [delivery.state for delivery in scene.deliveries()] == ["expired"]

    def test_another_projects_is_not_found(self, scene: Scene) -> None:
        scene.put()
        other = Keys(scene.database).project("other")
        with pytest.raises(NotFound):
            scene.planner.cancel(other, "a", who=ME)
        with pytest.raises(NotFound):
            scene.appointments.get(other, "a")

    def test_once_it_is_answered_no_reminder_is_sent(self, scene: Scene, database_url: str) -> None:
        """Two hundred times a sweep, a worker and a cancellation at once."""
        start = scene.put("race-0").starts_at
        for number in range(1, 200):
            scene.put(f"race-{number}", after=start - NOON)
        scene.now = start - timedelta(hours=24)
        answered: dict[str, float] = {}
        started: dict[UUID, float] = {}
        others = Database(database_url)
        desks = [
            ReminderDesk(Reminders(others), Intake(others, scene.sealer, now=lambda: scene.now), batch=size)
            for size in (3, 7)
        ]
        over = threading.Event()

        def send() -> None:
            work = Work(scene.database)
            # Slowly, so that some are cancelled before and some after they were handed over, and while.
            while not over.wait(0.01):
                for claimed in work.claim("email.normal", 1, 30.0):
                    before = time.monotonic()
                    if work.start([Starting(claimed, "smtp")]):
                        started[claimed.notification_id] = before

        def cancel(number: int) -> None:
            scene.cancel(f"race-{number}")
            answered[f"race-{number}"] = time.monotonic()

        with working(send), working(lambda: sweep_until(over, desks, scene)):
            with ThreadPoolExecutor(4) as pool:
                # Not in the order in which they are swept: the one would always be just ahead of the other.
                list(pool.map(cancel, random.Random(11).sample(range(200), 200)))
            time_to_go_wrong = time.monotonic() + 0.5
            while time.monotonic() < time_to_go_wrong:
                scene.desk.sweep(scene.now)
            over.set()
        others.close()
        sent_after = []
        for key, moment in answered.items():
            found = scene.appointments.get(scene.project, key)
            for one in found.reminders:
                assert one.state in ("cancelled", "sent")
                if one.notification_id in started and started[one.notification_id] > moment:
                    sent_after.append(key)
                if one.state == "sent":
                    assert one.notification_state == "started"
        assert sent_after == []
        outcomes = Counter(delivery.state for delivery in scene.deliveries())
        print(f"200 races: {dict(outcomes)}")
        assert set(outcomes) <= {"cancelled", "started"}
        assert outcomes, "none was on its way when it was cancelled: this showed nothing"


class TestRefusals:
    @pytest.mark.parametrize(
        ("given", "where", "said"),
        [
            ({"starts_at": "2027-02-28T10:00:00"}, "starts_at", "has passed"),
            ({"starts_at": "2057-02-28T10:00:00"}, "starts_at", "at most 3660 days ahead"),
            ({"starts_at": "2027-03-28T01:30:00"}, "starts_at", "clocks go forward then. Give 2027-03-28T02:30:00"),
            ({"offsets": ["4d"]}, "offsets", "4d before .* has passed already. Leave it out, or give late: skip"),
            ({"late": "refuse", "starts_at": "2027-03-01T15:00:00"}, "offsets", "24h before"),
            ({"notification": {**MAIL, "to": {}}}, "notification.to.email", "to.email|email"),
            ({"notification": {**MAIL, "send_at": "2027-03-02T12:00:00Z"}}, "notification.send_at", "leave this out"),
            ({"notification": {**MAIL, "expires_at": "2027-03-02T12:00:00Z"}}, "notification.expires_at", "leave this"),
            ({"notification": {**MAIL, "chanel": "x"}}, "notification.chanel", "no such field"),
        ],
    )
    def test_it_names_the_field_and_the_remedy(
        self, scene: Scene, given: dict[str, Any], where: str, said: str
    ) -> None:
        with pytest.raises(InvalidInput, match=said) as refused:
            scene.put(**given)
        assert list(refused.value.fields) == [where]

    def test_a_booking_three_hours_ahead_has_no_reminder_a_day_before(self, scene: Scene) -> None:
        made = scene.put(after=timedelta(hours=3))
        assert scene.states() == {"24h": "missed", "2h": "waiting"}
        assert [one.reason for one in made.reminders if one.state == "missed"] == [TOO_LATE]
        assert scene.at(NOON + timedelta(minutes=30)) == 0

    def test_an_offset_that_is_too_late_is_left_out_where_the_caller_says_so(self, scene: Scene) -> None:
        scene.put(offsets=["4d", "2h"], late="skip")
        assert scene.states() == {"4d": "missed", "2h": "waiting"}

    def test_a_code_is_no_reminder(self, scene: Scene) -> None:
        for name, bundle in load_catalogue().items():
            TemplateStore(scene.database).add(None, name, bundle.checksum, bundle.to_json())
        code = {
            "template": "one_time_code",
            "channel": "sms",
            "to": {"phone": "+442079460018"},
            "data": {"code": "482913"},
        }
        with pytest.raises(InvalidInput, match="no secret variables"):
            scene.put(notification=code)

    def test_a_key_is_used_once(self, scene: Scene) -> None:
        scene.put()
        asked = {"starts_at": "2027-03-09T12:00:00", "timezone": "Europe/London", "notification": MAIL}
        with pytest.raises(Conflict, match="PUT it"):
            scene.planner.create(scene.project, "a", asked)


def mark_sent(scene: Scene) -> None:
    """What is queued, a provider takes."""
    scene.database.execute(text("UPDATE deliveries SET state = 'sent', due_at = NULL, settled_at = now()"))


def sweep_until(over: threading.Event, desks: list[ReminderDesk], scene: Scene) -> None:
    while not over.is_set():
        for desk in desks:
            desk.sweep(scene.now)


@contextmanager
def working(task: Callable[[], None]) -> Iterator[None]:
    """`task` in a thread beside; what it raises is raised at the end."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(task)
        yield
        done.result(timeout=30)
