"""`/v1/unknown`: what nobody knows is shown, and decided by people."""

from typing import Any
from uuid import uuid4

import pytest

from services.gateway.parts import Parts
from shared.ledger.states import State
from shared.ledger.work import Settlement, Starting, Work

SMS = {"channel": "sms", "to": {"phone": "+442079460018"}, "content": {"body": "Hi"}, "on_unknown": "hold"}


@pytest.fixture
def hold(call: Any, parts: Parts) -> Any:
    """Send messages whose provider hangs up; the deliveries' ids."""

    def make(count: int = 1) -> list[str]:
        for _ in range(count):
            assert call.send(SMS).status_code == 202
        work = Work(parts.database)
        claimed = work.claim("sms.normal", count, 30.0)
        work.start([Starting(item, "twilio") for item in claimed])
        asked = {"detail": "It hung up.", "held": True}
        work.settle([Settlement(one.id, one.fence, State.UNKNOWN, "unknown", "twilio", **asked) for one in claimed])
        return [str(item.id) for item in claimed]

    return make


def test_what_is_held_is_listed_and_one_is_explained(call: Any, hold: Any, stranger: Any) -> None:
    first, second = hold(2)
    page = call("GET", "/v1/unknown?limit=1&provider=twilio&channel=sms").json
    rest = call("GET", f"/v1/unknown?cursor={page['next']}").json
    assert {item["id"] for item in (*page["items"], *rest["items"])} == {first, second}
    shown = call("GET", f"/v1/unknown/{first}").json
    assert (shown["provider"], shown["reason"]) == ("twilio", "It hung up.")
    assert [one["outcome"] for one in shown["calls"]] == ["unknown"]
    assert stranger("GET", "/v1/unknown").json["items"] == []
    assert stranger("GET", f"/v1/unknown/{first}").status_code == 404


def test_one_is_sent_again_and_another_is_marked(call: Any, hold: Any, rung: Any, stranger: Any) -> None:
    first, second = hold(2)
    assert stranger("POST", "/v1/unknown/decide", json={"decision": "sent", "ids": [first]}).status_code == 404
    rung.queues.clear()
    assert call("POST", "/v1/unknown/decide", json={"decision": "send-again", "ids": [first]}).json["done"] == 1
    assert rung.queues == ["sms.normal"]
    assert call("POST", "/v1/unknown/decide", json={"decision": "sent", "ids": [second]}).json["done"] == 1
    again = call("POST", "/v1/unknown/decide", json={"decision": "failed", "ids": [second]})
    assert (again.status_code, "it is sent" in again.json["detail"]) == (409, True)
    assert call("GET", f"/v1/unknown/{second}").status_code == 409
    assert call("GET", "/v1/unknown").json["items"] == []


def test_many_are_decided_when_they_are_as_many_as_expected(call: Any, hold: Any) -> None:
    hold(3)
    wanted = {"decision": "failed", "filter": {"provider": "twilio"}}
    assert call("POST", "/v1/unknown/decide", json=wanted | {"dry_run": True}).json["matching"] == 3
    assert call("POST", "/v1/unknown/decide", json=wanted).status_code == 422
    assert call("POST", "/v1/unknown/decide", json=wanted | {"expected": 4}).status_code == 409
    assert call("POST", "/v1/unknown/decide", json=wanted | {"expected": 3}).json["done"] == 3
    assert len(call("GET", "/v1/dead-letters?why=given-up").json["items"]) == 3


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ids": [str(uuid4())]}, "decision"),
        ({"decision": "maybe", "ids": [str(uuid4())]}, "decision"),
        ({"decision": "sent"}, "filter"),
        ({"decision": "sent", "filter": {"why": "poison"}, "all": True}, "filter.why"),
    ],
)
def test_what_is_not_meant_is_named(call: Any, body: Any, field: str) -> None:
    answer = call("POST", "/v1/unknown/decide", json=body)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field), answer.json
