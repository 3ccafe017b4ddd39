"""Chains over HTTP: one id, one timeline, cancelled as a whole; and their steps, which are notifications."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from services.gateway.parts import Parts
from services.relay.chains import ChainDesk
from shared.ledger.chains import Chains
from shared.ledger.database import Database
from shared.ledger.states import State
from shared.ledger.work import Settlement, Starting, Work
from tests.services.gateway.conftest import Caller, Rung

TO = {"tokens": ["device-1"], "phone": "+447700900123"}
CHAIN: dict[str, Any] = {
    "channel": ["push", "sms"], "to": TO, "metadata": {"order": "4711"}, "fallback_after": "10m", "until": "sent",
    "content": {"push": {"title": "Hi", "body": "Hello"}, "sms": {"body": "Hello"}},
}  # fmt: skip


@pytest.fixture
def desk(database: Database, rung: Rung) -> ChainDesk:
    return ChainDesk(Chains.of(database), rung)


@pytest.fixture
def settled(database: Database) -> Callable[[str, State, str], int]:
    """Have a channel's worker call the provider for whoever is due; how many were called."""

    def answer(channel: str, state: State, detail: str = "No.") -> int:
        work = Work(database)
        items = work.claim(f"{channel}.normal", 10, 30.0)
        started = work.start([Starting(item, "vendor") for item in items])
        outcome = "sent" if state is State.SENT else "rejected"
        work.settle([Settlement(item.id, item.fence, state, outcome, "vendor", detail=detail) for item in items])
        return len(started)

    return answer


def test_it_is_one_id_and_one_timeline(call: Caller, desk: ChainDesk, settled: Any):
    sent = call.send(CHAIN)
    assert sent.status_code == 202
    receipt = sent.json
    assert (receipt["state"], receipt["channel"], receipt["lane"]) == ("queued", "push", "normal")
    assert sent.headers["Location"] == f"/v1/notifications/{receipt['id']}"
    settled("push", State.FAILED, "The device is gone.")
    desk.sweep()
    settled("sms", State.SENT, "Taken.")
    desk.sweep()
    found = call("GET", sent.headers["Location"]).json
    assert (found["id"], found["state"], found["metadata"]) == (receipt["id"], "sent", {"order": "4711"})
    chain = found["chain"]
    assert (chain["state"], chain["by"], chain["until"], chain["next_at"]) == ("succeeded", "sms", "sent", None)
    assert [(step["channel"], step["state"], step["why"]) for step in chain["steps"]] == [
        ("push", "failed", "push failed: The device is gone."), ("sms", "sent", None),
    ]  # fmt: skip
    assert [(one["target"], one["state"]) for one in found["deliveries"]] == [
        ("device-1", "failed"), ("+447700900123", "sent"),
    ]  # fmt: skip
    told = [(event["what"], event.get("detail")) for event in found["timeline"]]
    assert told == [
        ("accepted", None),
        ("step", "1 of 2, push."),
        ("attempt", "The device is gone."),
        ("failed", "The device is gone."),
        ("step", "2 of 2, sms: push failed: The device is gone."),
        ("attempt", "Taken."),
        ("sent", "Taken."),
        ("chain", "The chain has succeeded by sms."),
    ]


def test_its_steps_are_notifications_of_their_own(call: Caller, desk: ChainDesk, settled: Any):
    chain = call.send(CHAIN).json["id"]
    settled("push", State.FAILED)
    desk.sweep()
    listed = call("GET", "/v1/notifications").json["items"]
    assert [(one["channel"], one["chain_id"]) for one in listed] == [("sms", chain), ("push", chain)]
    [to_phone] = call("GET", "/v1/notifications?recipient=%2B447700900123").json["items"]
    assert to_phone["channel"] == "sms"
    step = call("GET", f"/v1/notifications/{to_phone['id']}").json
    assert (step["chain"], step["chain_id"], step["content"]) == (None, chain, {"body": "Hello"})
    plain = call.send().json["id"]
    found = call("GET", f"/v1/notifications/{plain}").json
    assert (found["chain"], found["chain_id"]) == (None, None)


def test_it_is_cancelled_as_a_whole(call: Caller, desk: ChainDesk, settled: Any):
    chain = call.send(CHAIN).json["id"]
    [step] = call("GET", "/v1/notifications").json["items"]
    refused = call("POST", f"/v1/notifications/{step['id']}/cancel")
    assert refused.status_code == 409
    assert f"It is a step of the chain {chain}: cancel that." in refused.json["detail"]
    cancelled = call("POST", f"/v1/notifications/{chain}/cancel")
    assert (cancelled.status_code, cancelled.json) == (200, {"id": chain, "cancelled": 2})
    desk.sweep()
    found = call("GET", f"/v1/notifications/{chain}").json
    assert (found["state"], found["chain"]["state"]) == ("cancelled", "cancelled")
    assert [step["state"] for step in found["chain"]["steps"]] == ["cancelled", "not needed"]
    assert next(event for event in found["timeline"] if event.get("who"))["what"] == "cancelled"
    assert settled("push", State.SENT) == 0
    again = call("POST", f"/v1/notifications/{chain}/cancel")
    assert again.status_code == 409
    assert "the chain has ended, and is cancelled" in again.json["detail"]


def test_one_that_waits_for_a_receipt_is_cancelled_too(call: Caller, desk: ChainDesk, settled: Any):
    chain = call.send({**CHAIN, "until": "delivered"}).json["id"]
    settled("push", State.SENT)
    desk.sweep()
    assert call("POST", f"/v1/notifications/{chain}/cancel").json["cancelled"] == 1
    found = call("GET", f"/v1/notifications/{chain}").json
    assert (found["state"], found["chain"]["state"]) == ("sent", "cancelled")


def test_it_is_too_late_when_the_last_step_was_sent(call: Caller, desk: ChainDesk, settled: Any):
    chain = call.send({**CHAIN, "until": "delivered"}).json["id"]
    settled("push", State.FAILED)
    desk.sweep()
    settled("sms", State.SENT)
    desk.sweep()
    assert call("POST", f"/v1/notifications/{chain}/cancel").status_code == 409
    assert call("GET", f"/v1/notifications/{chain}").json["chain"]["state"] == "active"


def test_it_is_not_sent_again_as_a_whole_but_a_step_is(call: Caller, desk: ChainDesk, settled: Any):
    chain = call.send(CHAIN).json["id"]
    for channel in ("push", "sms"):
        settled(channel, State.FAILED)
        desk.sweep()
    refused = call("POST", f"/v1/notifications/{chain}/retry")
    assert refused.status_code == 409
    assert "Retry one of its messages" in refused.json["detail"]
    steps = call("GET", f"/v1/notifications/{chain}").json["chain"]["steps"]
    assert call("POST", f"/v1/notifications/{steps[1]['notification_id']}/retry").status_code == 202
    settled("sms", State.SENT)
    desk.sweep()
    assert call("GET", f"/v1/notifications/{chain}").json["chain"]["state"] == "succeeded"


@pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("POST", "/cancel"), ("POST", "/retry")])
def test_a_stranger_finds_none(call: Caller, stranger: Caller, method: str, rest: str):
    chain = call.send(CHAIN).json["id"]
    assert stranger(method, f"/v1/notifications/{chain}{rest}").status_code == 404
    assert call("GET", f"/v1/notifications/{chain}").json["chain"]["state"] == "active"


def test_one_key_makes_one_chain(call: Caller, rows: Any):
    first, again = (call.send(CHAIN, **{"Idempotency-Key": "booking-4711"}) for _ in range(2))
    assert first.json == again.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(rows("SELECT FROM chains")) == 1


def test_a_mail_of_a_chain_may_have_a_file_that_is_larger_than_other_requests(call: Caller):
    file = {"filename": "a.txt", "content_type": "text/plain", "content": "QUJD" * 100_000}
    content = {"email": {"subject": "Hi", "text": "Hello", "attachments": [file]}, "sms": {"body": "Hello"}}
    to = {"email": "ada@example.com", "phone": "+447700900123"}
    assert call.send({**CHAIN, "channel": ["email", "sms"], "to": to, "content": content}).status_code == 202


def test_what_is_wrong_is_named_by_field(call: Caller):
    refused = call.send({**CHAIN, "fallback_after": "soon", "channel": ["push", "smms"]})
    assert refused.status_code == 422
    assert {one["field"] for one in refused.json["errors"]} == {"fallback_after", "channel"}


def test_a_schedule_may_send_chains(call: Caller, parts: Parts, rows: Any):
    from shared.schedules.firing import Sweeper

    made = call(
        "POST", "/v1/schedules", json={"name": "daily", "trigger": {"every": "1d"}, "request": CHAIN}
    )  # fmt: skip
    assert made.status_code == 201
    rows("UPDATE schedules SET next_fire_at = now() RETURNING 1")
    assert Sweeper(parts.intake, parts.schedules.schedules.fires).sweep() == 1
    [fire] = call("GET", f"/v1/schedules/{made.json['id']}").json["fires"]
    found = call("GET", f"/v1/notifications/{UUID(fire['notification_id'])}").json
    assert found["chain"]["state"] == "active"


def test_a_reminder_may_not(call: Caller):
    asked = {"key": "a", "starts_at": "2030-03-01T18:30:00", "timezone": "Europe/London", "notification": CHAIN}
    refused = call("POST", "/v1/events", json=asked)
    assert refused.status_code == 422
    [error] = refused.json["errors"]
    assert (error["field"], "reminders do not fall back" in error["problem"]) == ("notification.channel", True)
