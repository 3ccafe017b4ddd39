"""Events that are moved, changed and cancelled take their reminders along; what cannot be meant is refused."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.relay.reminders import ReminderDesk
from shared.errors import Conflict, InvalidInput, NotFound
from shared.intake import Intake
from shared.ledger.appointment_reminders import TOO_LATE
from shared.ledger.appointments import CANCELLED, LEFT_OUT, MOVED
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.ledger.reminders import LEASE, Reminders
from shared.ledger.work import Starting, Work
from tests.services.relay.reminding import MAIL, ME, NOON, Scene, mark_sent


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
        scene.have_templates()
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
