"""Each reminder is sent once, at its time, never for an event that was moved, cancelled or has begun."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.relay.reminders import ReminderDesk
from shared.errors import LedgerUnavailable
from shared.intake import Intake
from shared.ledger.database import Database
from shared.ledger.reminders import BEGUN, LEASE, OUTDONE, Reminders
from tests.services.relay.reminding import MAIL, Scene


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
        scene.have_templates()
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
