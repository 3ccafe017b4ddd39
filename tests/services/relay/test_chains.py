"""A chain goes on when a step fails, is not enough in time, and never after any of them succeeded."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.ledger.database import Database
from shared.ledger.inbox import Inboxes, Mark, Put
from shared.ledger.states import State
from shared.receipts.port import Kind
from shared.telemetry.metrics import CHAIN_STEPS, CHAINS_ENDED
from tests.services.relay.chain_scene import CONTENT, MINUTE, TO, Scene


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database)


class TestFailure:
    def test_the_next_step_begins_at_once_when_a_step_is_refused(self, scene: Scene) -> None:
        chain = scene.send()
        assert scene.states(chain) == {"push": "queued", "sms": "waiting"}
        scene.answer("push", State.FAILED, detail="Unregistered.")
        assert scene.sweep() == 1
        assert scene.rung.queues == ["sms.normal"]
        assert scene.states(chain) == {"push": "failed", "sms": "queued"}
        assert scene.whys(chain)["push"] == "push failed: Unregistered."
        [text] = scene.answer("sms")
        assert text.recipient["phone"] == TO["phone"]
        assert text.content == {"body": "Hello"}
        assert scene.sweep() == 0
        assert scene.show(chain).state == "sent"
        scene.report(text, Kind.DELIVERED)
        scene.sweep()
        assert (scene.state(chain), scene.show(chain).state) == ("succeeded", "delivered")

    @pytest.mark.parametrize("step", [1, 2])
    def test_nothing_begins_twice(self, scene: Scene, step: int) -> None:
        chain = scene.send("push", "sms", "email")
        for channel in ("push", "sms")[:step]:
            scene.answer(channel, State.FAILED)
            assert [scene.sweep() for _ in range(3)] == [1, 0, 0]
        assert len(scene.rows("SELECT FROM notifications")) == step + 1
        assert scene.state(chain) == "active"

    def test_a_bounce_that_is_reported_later_falls_through_at_once(self, scene: Scene) -> None:
        chain = scene.send("email", "sms")
        [mail] = scene.answer("email")
        assert scene.sweep() == 0
        scene.report(mail, Kind.UNDELIVERED)
        assert scene.sweep() == 1
        assert scene.states(chain) == {"email": "undelivered", "sms": "queued"}

    def test_a_suppressed_recipient_falls_through_at_once(self, scene: Scene) -> None:
        scene.rows(
            "INSERT INTO suppressions (project_id, channel, target, scope, reason, source)"
            f" VALUES ({scene.project}, 'email', 'ada@example.com', 'everything', 'bounce', 'x') RETURNING 1"
        )
        accepted = scene.accept("email", "sms")
        assert accepted.state == "queued", "the chain goes on"
        assert scene.sweep() == 1
        assert scene.states(accepted.id) == {"email": "suppressed", "sms": "queued"}

    def test_of_several_devices_one_that_may_arrive_is_enough_to_wait(self, scene: Scene) -> None:
        chain = scene.send(to={**TO, "tokens": ["device-1", "device-2"]})
        items = scene.claim("push.normal")
        scene.start(items)
        settle(scene, items[0], State.FAILED)
        settle(scene, items[1], State.SENT)
        assert scene.sweep() == 0
        scene.report(items[1], Kind.UNDELIVERED)
        assert scene.sweep() == 1
        assert scene.states(chain)["sms"] == "queued"

    def test_a_chain_whose_every_step_failed_is_exhausted(self, scene: Scene) -> None:
        chain = scene.send()
        for channel in ("push", "sms"):
            scene.answer(channel, State.FAILED)
            scene.sweep()
        assert (scene.state(chain), scene.show(chain).state) == ("exhausted", "failed")
        assert scene.rows("SELECT FROM chains WHERE next_at IS NOT NULL") == []

    def test_how_they_go_on_and_end_is_counted(self, scene: Scene) -> None:
        steps, ended = CHAIN_STEPS.labels("sms"), CHAINS_ENDED.labels("exhausted")
        before = steps._value.get(), ended._value.get()
        scene.send()
        for channel in ("push", "sms"):
            scene.answer(channel, State.FAILED)
            scene.sweep()
        assert (steps._value.get(), ended._value.get()) == (before[0] + 1, before[1] + 1)


class TestTime:
    def test_what_is_not_delivered_in_time_falls_back(self, scene: Scene) -> None:
        chain = scene.send(fallback_after="10m")
        scene.answer("push")
        assert scene.sweep(9 * MINUTE) == 0
        assert scene.sweep(10 * MINUTE + timedelta(seconds=1)) == 1
        assert scene.whys(chain)["push"] == "push was sent, and not delivered within 10m."

    def test_so_does_what_could_not_be_sent_at_all(self, scene: Scene) -> None:
        chain = scene.send(fallback_after="30s")
        scene.answer("push", State.QUEUED, delay=600.0)
        assert scene.sweep(31 * timedelta(seconds=1)) == 1
        assert scene.whys(chain)["push"] == "push was not sent within 30s."

    def test_each_step_may_have_its_own_time(self, scene: Scene) -> None:
        chain = scene.send("push", "sms", "email", fallback_after=["1m", "1h"])
        scene.answer("push")
        assert scene.sweep(2 * MINUTE) == 1
        scene.answer("sms")
        assert scene.sweep(60 * MINUTE) == 0
        assert scene.sweep(63 * MINUTE) == 1
        assert scene.states(chain) == {"push": "sent", "sms": "sent", "email": "queued"}

    def test_what_is_sent_later_has_its_time_from_then(self, scene: Scene) -> None:
        later = datetime.now(UTC) + timedelta(hours=2)
        chain = scene.send(send_at=later.isoformat())
        assert scene.show(chain).state == "scheduled"
        assert scene.sweep(timedelta(hours=2, minutes=5)) == 0
        scene.rows("UPDATE deliveries SET state = 'queued', due_at = now() RETURNING 1")
        scene.answer("push")
        assert scene.sweep(timedelta(hours=2, minutes=11)) == 1

    def test_what_is_put_off_has_its_time_from_when_it_is_due(self, scene: Scene) -> None:
        """Or both would go out together at the end of a night's rest."""
        chain = scene.send(fallback_after="10m")
        put_off = "UPDATE deliveries SET state = 'scheduled', due_at = now() + interval '8 hours' RETURNING 1"
        scene.rows(put_off)
        assert scene.sweep(11 * MINUTE) == 0
        assert scene.sweep(timedelta(hours=8, minutes=9)) == 0
        assert scene.sweep(timedelta(hours=8, minutes=11)) == 1
        assert scene.states(chain)["sms"] == "queued"

    def test_a_doubt_is_waited_for_like_what_was_sent(self, scene: Scene) -> None:
        chain = scene.send(fallback_after="5m")
        scene.answer("push", State.UNKNOWN, held=True)
        assert scene.sweep(4 * MINUTE) == 0
        assert scene.sweep(6 * MINUTE) == 1
        assert scene.whys(chain)["push"] == "push: nobody knows within 5m whether it was sent."

    def test_the_last_step_is_waited_for_and_then_the_chain_is_exhausted(self, scene: Scene) -> None:
        chain = scene.send(fallback_after="10m")
        scene.answer("push", State.FAILED)
        scene.sweep()
        scene.answer("sms")
        scene.sweep()
        assert scene.state(chain) == "active"
        scene.sweep(11 * MINUTE)
        assert (scene.state(chain), scene.show(chain).state) == ("exhausted", "sent")

    def test_it_is_not_exhausted_while_something_is_still_under_way(self, scene: Scene) -> None:
        chain = scene.send(fallback_after="10m")
        scene.answer("push", State.QUEUED, delay=3600.0)
        scene.sweep(11 * MINUTE)
        scene.answer("sms", State.FAILED)
        scene.sweep(12 * MINUTE)
        assert scene.state(chain) == "active"

    def test_nothing_begins_once_it_has_expired(self, scene: Scene) -> None:
        chain = scene.send(expires_at=(datetime.now(UTC) + timedelta(minutes=30)).isoformat())
        scene.answer("push")
        scene.sweep(31 * MINUTE)
        assert scene.state(chain) == "expired"
        assert len(scene.rows("SELECT FROM notifications")) == 1


class TestSuccess:
    @pytest.mark.parametrize(
        ("until", "enough", "not_enough"),
        [
            ("delivered", Kind.DELIVERED, Kind.ACCEPTED), ("delivered", Kind.OPENED, Kind.DELAYED),
            ("opened", Kind.OPENED, Kind.DELIVERED), ("opened", Kind.CLICKED, Kind.DELIVERED),
            ("clicked", Kind.CLICKED, Kind.OPENED),
        ],
    )  # fmt: skip
    def test_a_message_that_came_far_enough_ends_it(
        self, scene: Scene, until: str, enough: Kind, not_enough: Kind
    ) -> None:
        chain = scene.send("email", "sms", until=until)
        [mail] = scene.answer("email")
        scene.report(mail, not_enough)
        scene.sweep()
        assert scene.state(chain) == "active"
        scene.report(mail, enough)
        scene.sweep()
        assert scene.state(chain) == "succeeded"
        assert scene.sweep(timedelta(days=1)) == 0
        assert scene.states(chain)["sms"] == "not needed"

    def test_until_sent_is_over_when_the_provider_took_it(self, scene: Scene) -> None:
        chain = scene.send(until="sent")
        scene.answer("push")
        scene.sweep()
        assert (scene.state(chain), scene.show(chain).state) == ("succeeded", "sent")

    def test_a_late_receipt_of_an_earlier_step_stops_the_later_one(self, scene: Scene) -> None:
        chain = scene.send(fallback_after="1m")
        [push] = scene.answer("push")
        scene.sweep(2 * MINUTE)
        scene.report(push, Kind.DELIVERED)
        scene.sweep()
        assert scene.states(chain) == {"push": "delivered", "sms": "cancelled"}
        assert scene.claim("sms.normal") == []
        [sms] = [one for one in scene.show(chain).deliveries if one.target == TO["phone"]]
        assert sms.reason == "The chain has already succeeded by push."

    def test_a_receipt_after_its_end_makes_it_a_success(self, scene: Scene) -> None:
        chain = scene.send(fallback_after="1m")
        [push] = scene.answer("push")
        scene.sweep(2 * MINUTE)
        scene.answer("sms", State.FAILED)
        scene.sweep()
        assert scene.sweep(9 * MINUTE) == 0
        scene.sweep(9 * MINUTE)
        assert scene.state(chain) == "exhausted"
        scene.report(push, Kind.DELIVERED)
        scene.sweep()
        assert scene.state(chain) == "succeeded"

    def test_the_last_of_a_provider_that_reports_nothing_is_a_success_when_it_is_sent(self, scene: Scene) -> None:
        scene.routes.say(["push.normal"], ["onesignal"])
        scene.routes.say(["email.normal"], ["smtp"])
        chain = scene.send("push", "email", until="delivered")
        scene.answer("push", State.FAILED)
        scene.sweep()
        scene.answer("email")
        scene.sweep()
        assert (scene.state(chain), scene.show(chain).state) == ("succeeded", "sent")


def settle(scene: Scene, item: object, state: State) -> None:
    from shared.ledger.work import Claimed, Settlement

    assert isinstance(item, Claimed)
    outcome = "sent" if state is State.SENT else "rejected"
    scene.work.settle([Settlement(item.id, item.fence, state, outcome, "vendor")])


def test_what_is_read_in_an_inbox_was_opened(scene: Scene) -> None:
    chain, inboxes = scene.send("inapp", "sms", until="opened"), Inboxes(scene.database)
    [item] = scene.answer("inapp", State.DELIVERED)
    inboxes.put([Put(item.id, scene.project, "u_1", CONTENT["inapp"])])
    scene.sweep()
    assert scene.state(chain) == "active"
    inboxes.mark(scene.project, "u_1", item.id, Mark.READ)
    scene.sweep()
    assert scene.state(chain) == "succeeded"
    assert scene.answer("sms") == []
