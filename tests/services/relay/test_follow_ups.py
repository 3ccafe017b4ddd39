"""What is sent after an event: once, never before its end, and not where nobody came."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shared.errors import Conflict, InvalidInput
from shared.ledger.appointments import CANCELLED, LEFT_OUT, MOVED, NO_SHOW
from shared.ledger.reminders import KEPT_READY, LEASE, OUTDONE, STALE
from tests.services.relay.reminding import MAIL, ME, NOON, Scene, mark_sent

THANKS = {**MAIL, "content": {"subject": "How was it?", "text": "Tell us."}}
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)


def after(*offsets: str, **notification: Any) -> dict[str, Any]:
    return {"after": list(offsets), "notification": {**THANKS, **notification}}


def put(scene: Scene, *offsets: str, **given: Any) -> datetime:
    """An event with follow-ups and without reminders to come; when it begins."""
    asked = {"offsets": ["2d"], "duration": "1h", "follow_up": after(*(offsets or ("2h",))), **given}
    return scene.put(**asked).starts_at


class TestSending:
    def test_it_is_sent_once_so_long_after_the_end(self, scene: Scene) -> None:
        start = put(scene)
        assert scene.states() == {"2d": "waiting", "+2h": "waiting"}
        scene.at(start - 2 * DAY)
        assert scene.at(start + 3 * HOUR - SECOND) == 0
        assert scene.at(start + 3 * HOUR) == 1
        assert scene.at(start + 4 * HOUR) == 0
        assert scene.states() == {"2d": "sent", "+2h": "sent"}
        subjects = scene.database.rows(text("SELECT content->>'subject' AS subject FROM notifications ORDER BY id"))
        assert [row.subject for row in subjects] == ["Soon", "How was it?"]

    def test_without_a_duration_it_ends_as_it_begins(self, scene: Scene) -> None:
        start = put(scene, duration=None)
        scene.at(start - 2 * DAY)
        assert scene.at(start + 2 * HOUR - SECOND) == 0
        assert scene.at(start + 2 * HOUR) == 1

    def test_the_event_is_past_and_its_follow_up_still_waits(self, scene: Scene) -> None:
        start = put(scene)
        scene.at(start + SECOND)
        found = scene.appointments.get(scene.project, "a")
        assert (found.state, found.next_reminder_at) == ("past", start + 3 * HOUR)

    def test_a_reminder_that_was_held_up_is_not_sent_afterwards_for_all_that(self, scene: Scene) -> None:
        start = put(scene)
        assert scene.at(start + 3 * HOUR) == 1
        assert scene.states() == {"2d": "missed", "+2h": "sent"}

    def test_held_up_it_is_sent_within_a_day_and_then_no_more(self, scene: Scene) -> None:
        start = put(scene, "2h", "4d")
        assert scene.at(start + 3 * HOUR + KEPT_READY - SECOND) == 1
        [delivery] = scene.deliveries()
        assert delivery.expires_at == start + 3 * HOUR + KEPT_READY
        assert scene.at(start + HOUR + 4 * DAY + KEPT_READY) == 0
        assert scene.states() == {"2d": "missed", "+2h": "sent", "+4d": "missed"}
        reasons = {one.before: one.reason for one in scene.appointments.get(scene.project, "a").reminders}
        assert reasons["+4d"] == STALE

    def test_of_several_that_are_overdue_the_latest_is_sent(self, scene: Scene) -> None:
        start = put(scene, "1h", "2h")
        assert scene.at(start + 4 * HOUR) == 1
        assert scene.states() == {"2d": "missed", "+1h": "missed", "+2h": "sent"}
        reasons = {one.before: one.reason for one in scene.appointments.get(scene.project, "a").reminders}
        assert reasons["+1h"] == OUTDONE

    def test_a_crash_between_the_steps_is_made_up_for_once(self, scene: Scene) -> None:
        start = put(scene)
        due = start + 3 * HOUR
        scene.at(start)
        ids, _ = scene.desk.reminders.promise(size=10, now=due)
        assert scene.at(due + LEASE + SECOND) == 1
        assert scene.at(due + 3 * LEASE) == 0
        assert [delivery.id for delivery in scene.deliveries()] == ids

    @pytest.mark.parametrize(
        ("starts_at", "timezone", "offset", "due"),
        [
            # London goes forward on 28 March 2027, New York back on 7 November, Lord Howe forward by half an hour.
            ("2027-03-27T18:00:00", "Europe/London", "1d", "2027-03-28T17:00:00+00:00"),
            ("2027-03-27T18:00:00", "Europe/London", "24h", "2027-03-28T18:00:00+00:00"),
            ("2027-03-27T01:30:00", "Europe/London", "1d", "2027-03-28T01:30:00+00:00"),
            ("2027-11-06T09:00:00", "America/New_York", "1d", "2027-11-07T14:00:00+00:00"),
            ("2027-11-06T01:30:00", "America/New_York", "1d", "2027-11-07T05:30:00+00:00"),
            ("2027-10-02T09:00:00", "Australia/Lord_Howe", "1d", "2027-10-02T22:00:00+00:00"),
            ("2028-02-28T08:00:00", "Europe/London", "1d", "2028-02-29T08:00:00+00:00"),
        ],
    )  # fmt: skip
    def test_a_day_after_is_the_same_time_on_the_clock(
        self, scene: Scene, starts_at: str, timezone: str, offset: str, due: str
    ) -> None:
        put(scene, offset, duration=None, starts_at=starts_at, timezone=timezone)
        moment = datetime.fromisoformat(due)
        scene.at(moment - timedelta(minutes=1))
        assert scene.at(moment - SECOND) == 0
        assert scene.at(moment) == 1

    def test_the_day_counts_from_the_end_also_where_clocks_change_in_between(self, scene: Scene) -> None:
        # From half past midnight to half past two, which is an hour later; a day after that is the same time again.
        put(scene, "1d", duration="1h", starts_at="2027-03-28T00:30:00")
        moment = datetime(2027, 3, 29, 1, 30, tzinfo=UTC)
        scene.at(moment - SECOND)
        assert scene.at(moment) == 1

    def test_the_catalogues_review_request_is_told_the_day(self, scene: Scene) -> None:
        scene.have_templates()
        data = {"what": "Haircut", "place": "Fringe & Sons", "review_url": "https://example.com/r/1"}
        sms = {"template": "review_request", "channel": "sms", "to": {"phone": "+442079460018"}, "data": data}
        start = put(scene, follow_up={"after": ["2h"], "notification": sms}, timezone="Pacific/Auckland")
        assert start.astimezone(UTC).hour == NOON.hour  # past midnight in Auckland
        assert scene.at(start + 3 * HOUR) == 1
        [row] = scene.database.rows(text("SELECT data FROM notifications"))
        assert row.data == {**data, "visited_on": (start + DAY).date().isoformat()}


class TestChanging:
    def test_moved_it_is_sent_after_the_new_end(self, scene: Scene) -> None:
        start = put(scene)
        moved = scene.move(start + 5 * DAY)
        assert scene.states(version=1) == {"2d": "cancelled", "+2h": "cancelled"}
        assert {one.reason for one in moved.reminders if one.version == 1} == {MOVED}
        assert scene.at(start + 3 * HOUR) == 0
        assert scene.at(moved.starts_at + 3 * HOUR) == 1

    def test_with_another_duration_it_is_sent_after_the_new_end(self, scene: Scene) -> None:
        start = put(scene)
        scene.at(start - 2 * DAY)
        mark_sent(scene)
        changed = scene.planner.change(scene.project, "a", {"duration": "3h"}, who=ME)
        assert (changed.version, scene.states()) == (1, {"2d": "sent", "+2h": "waiting"})
        assert scene.at(start + 3 * HOUR) == 0
        assert scene.at(start + 5 * HOUR) == 1
        assert len(scene.deliveries()) == 2

    def test_another_is_sent_instead(self, scene: Scene) -> None:
        start = put(scene)
        follow_up = after("1h", to={"email": "new@example.com"})
        changed = scene.planner.change(scene.project, "a", {"follow_up": follow_up}, who=ME)
        assert scene.states() == {"2d": "waiting", "+1h": "waiting", "+2h": "cancelled"}
        assert [one.reason for one in changed.reminders if one.before == "+2h"] == [LEFT_OUT]
        scene.at(start + 2 * HOUR)
        assert [row.target for row in scene.database.rows(text("SELECT target FROM deliveries"))] == ["new@example.com"]

    def test_the_same_again_changes_nothing_and_without_it_it_is_left_out(self, scene: Scene) -> None:
        asked = {"starts_at": "2027-03-04T12:00:00"}
        put(scene, **asked)
        put(scene, **asked)
        again = scene.appointments.get(scene.project, "a")
        assert (again.version, scene.states()) == (1, {"2d": "waiting", "+2h": "waiting"})
        put(scene, follow_up=None, **asked)
        assert scene.states() == {"2d": "waiting", "+2h": "cancelled"}

    def test_moving_changes_neither_offsets_nor_follow_ups(self, scene: Scene) -> None:
        start = put(scene)
        moved = scene.move(start + DAY)
        assert (moved.offsets, moved.duration, moved.follow_up) == (("2d",), "1h", after("2h"))

    def test_cancelled_nothing_is_sent(self, scene: Scene) -> None:
        start = put(scene)
        cancelled = scene.cancel()
        assert {one.reason for one in cancelled.reminders} == {CANCELLED}
        assert scene.at(start + 3 * HOUR) == 0
        assert scene.deliveries() == []


class TestNoShow:
    def test_nothing_that_waits_is_sent(self, scene: Scene) -> None:
        start = put(scene)
        scene.at(start + HOUR)
        marked = scene.planner.no_show(scene.project, "a", who=ME)
        assert (marked.state, scene.states()) == ("no_show", {"2d": "missed", "+2h": "cancelled"})
        assert [one.reason for one in marked.reminders if one.is_follow_up] == [NO_SHOW]
        assert scene.at(start + 4 * HOUR) == 0
        assert scene.planner.no_show(scene.project, "a", who=ME) == marked

    @pytest.mark.parametrize("step", ["promised", "handed over"])
    def test_what_was_on_its_way_is_not_sent(self, scene: Scene, step: str) -> None:
        start = put(scene)
        due = start + 3 * HOUR
        scene.at(start)
        scene.now = due
        if step == "promised":
            scene.desk.reminders.promise(size=10, now=due)
        else:
            scene.at(due)
        scene.planner.no_show(scene.project, "a", who=ME)
        assert scene.states()["+2h"] == "cancelled"
        scene.at(due + 2 * LEASE)
        assert {delivery.state for delivery in scene.deliveries()} <= {"cancelled"}

    def test_it_is_said_of_what_has_begun_and_was_not_cancelled(self, scene: Scene) -> None:
        start = put(scene)
        with pytest.raises(Conflict, match="has not begun: cancel it"):
            scene.planner.no_show(scene.project, "a", who=ME)
        scene.now = start
        with pytest.raises(Conflict, match="Mark it as a no-show"):
            scene.cancel()
        scene.put("b", after=DAY)
        scene.cancel("b")
        with pytest.raises(Conflict, match="was cancelled"):
            scene.planner.no_show(scene.project, "b", who=ME)

    def test_put_again_it_takes_place(self, scene: Scene) -> None:
        scene.at(put(scene))
        scene.planner.no_show(scene.project, "a", who=ME)
        again = put(scene)
        assert scene.appointments.get(scene.project, "a").state == "scheduled"
        assert scene.at(again + 3 * HOUR) == 1


def test_what_is_refused_is_named_by_its_place(scene: Scene) -> None:
    with pytest.raises(InvalidInput) as refused:
        put(scene, follow_up=after("2h", channel="fax"))
    assert list(refused.value.fields) == ["follow_up.notification.channel"]
    with pytest.raises(InvalidInput, match="leave this out"):
        put(scene, follow_up=after("2h", expires_at="2027-03-02T12:00:00Z"))
