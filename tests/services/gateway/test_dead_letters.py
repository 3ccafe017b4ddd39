"""`/v1/dead-letters`: seen, replayed and purged by its project; and a wrong filter does no harm."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.gateway import create_app
from services.gateway.parts import Parts
from shared.crypto import Sealer, new_key
from shared.ledger.dead_letters import Why
from shared.ledger.dead_tasks import DeadTask, Graves
from shared.ledger.keys import Keys
from shared.ledger.states import State
from shared.ledger.work import Settlement, Starting, Work
from tests.services.gateway.conftest import Caller

SMS = {"channel": "sms", "to": {"phone": "+442079460018"}, "content": {"body": "Hi"}}
TASK = {"queue_name": "cleanup", "actor_name": "reports.make", "args": [7], "kwargs": {}, "options": {}}


@pytest.fixture
def die(call: Any, parts: Parts) -> Any:
    """Send messages that their provider refuses; the deliveries' ids."""

    def kill(count: int = 1, **fields: Any) -> list[str]:
        for _ in range(count):
            assert call.send(SMS | fields).status_code == 202
        work = Work(parts.database)
        claimed = work.claim("sms.normal", count, 30.0)
        work.start([Starting(item, "twilio") for item in claimed])
        refused = {"code": "21211", "detail": "No such number."}
        work.settle([Settlement(one.id, one.fence, State.FAILED, "rejected", "twilio", **refused) for one in claimed])
        return [str(item.id) for item in claimed]

    return kill


@pytest.fixture
def task(parts: Parts) -> str:
    """The id of a task's letter."""
    identifier = str(uuid4())
    made = DeadTask(identifier, "cleanup", "reports.make", Why.EXHAUSTED, "no room", TASK | {"message_id": identifier})
    assert Graves(parts.database).bury(made)
    return identifier


@pytest.fixture
def admin(app: Any, database: Any) -> Caller:
    """Calls as project acme with every scope."""
    return Caller(app.test_client(), Keys(database).create("acme", scopes=("send", "read", "admin")))


def test_letters_are_listed_and_one_is_explained(call: Any, die: Any) -> None:
    first, second = die(2)
    page = call("GET", "/v1/dead-letters?limit=1&channel=sms&why=refused&code=21211").json
    rest = call("GET", f"/v1/dead-letters?cursor={page['next']}").json
    assert {item["id"] for item in (*page["items"], *rest["items"])} == {first, second}
    assert call("GET", "/v1/dead-letters?why=poison").json == {"items": [], "next": None}
    letter = call("GET", f"/v1/dead-letters/{first}").json
    assert (letter["why"], letter["name"], letter["code"], letter["detail"]) == (
        "refused", "twilio", "21211", "No such number."
    )  # fmt: skip
    assert [attempt["outcome"] for attempt in letter["attempts"]] == ["rejected"]
    assert letter["replayable"]
    assert letter["recipient"]["phone"] == "+442079460018"


def test_ids_are_replayed_and_rung_for(call: Any, die: Any, rung: Any) -> None:
    (one,) = die()
    rung.queues.clear()
    done = call("POST", "/v1/dead-letters/replay", json={"ids": [one, one]}).json
    assert (done["done"], done["skipped"], rung.queues) == (1, 0, ["sms.normal"])
    refused = call("POST", "/v1/dead-letters/replay", json={"ids": [one]})
    assert (refused.status_code, "not dead" in refused.json["detail"]) == (409, True)
    assert call("POST", "/v1/dead-letters/replay", json={"ids": [str(uuid4())]}).status_code == 404


def test_a_filter_says_how_many_or_does_nothing(call: Any, die: Any) -> None:
    die(3)
    where = {"filter": {"channel": "sms"}}
    dry = call("POST", "/v1/dead-letters/purge", json=where | {"dry_run": True}).json
    assert (dry["matching"], dry["done"]) == (3, 0)
    unmeant = call("POST", "/v1/dead-letters/purge", json=where)
    assert (unmeant.status_code, unmeant.json["errors"][0]["field"]) == (422, "expected")
    surprised = call("POST", "/v1/dead-letters/purge", json=where | {"expected": 2})
    assert (surprised.status_code, "3 match now" in surprised.json["detail"]) == (409, True)
    assert len(call("GET", "/v1/dead-letters").json["items"]) == 3
    assert call("POST", "/v1/dead-letters/replay", json=where | {"expected": 3}).json["done"] == 3
    assert call("POST", "/v1/dead-letters/purge", json={"filter": {}, "all": True}).json["done"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "filter"),
        ({"ids": [str(uuid4())], "filter": {}}, "filter"),
        ({"ids": []}, "ids"),
        ({"ids": [str(uuid4())], "dry_run": True}, "dry_run"),
        ({"ids": [str(uuid4())], "all": True}, "all"),
        ({"filter": {"state": "failed"}, "all": True}, "filter.state"),
        ({"filter": {}, "all": True, "expected": 3}, "expected"),
        ({"filter": {}, "cursor": "bm9uZQ"}, "cursor"),
        ({"filter": {"why": "bored"}, "all": True}, "filter.why"),
        ({"kind": "ghost", "filter": {}, "all": True}, "kind"),
    ],
)
def test_what_is_not_meant_is_named(call: Any, body: Any, field: str) -> None:
    answer = call("POST", "/v1/dead-letters/replay", json=body)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field), answer.json


def test_another_project_sees_and_does_nothing(call: Any, stranger: Any, die: Any) -> None:
    (one,) = die()
    assert stranger("GET", "/v1/dead-letters").json["items"] == []
    assert stranger("GET", f"/v1/dead-letters/{one}").status_code == 404
    for verb in ("replay", "purge"):
        assert stranger("POST", f"/v1/dead-letters/{verb}", json={"ids": [one]}).status_code == 404
        assert stranger("POST", f"/v1/dead-letters/{verb}", json={"filter": {}, "all": True}).json["done"] == 0
    assert len(call("GET", "/v1/dead-letters").json["items"]) == 1


def test_tasks_are_for_admins(call: Any, admin: Caller, task: str) -> None:
    assert call("GET", "/v1/dead-letters?kind=task").status_code == 403
    assert call("GET", f"/v1/dead-letters/{task}").status_code == 404
    for verb in ("replay", "purge"):
        body = {"kind": "task", "ids": [task]}
        assert call("POST", f"/v1/dead-letters/{verb}", json=body).status_code == 403
    assert [item["name"] for item in admin("GET", "/v1/dead-letters?kind=task").json["items"]] == ["reports.make"]
    assert admin("GET", f"/v1/dead-letters/{task}").json["message"]["args"] == [7]


def test_a_task_is_sent_again_once_the_broker_is_there(admin: Caller, parts: Parts, task: str, key: str) -> None:
    body = {"kind": "task", "ids": [task]}
    away = admin("POST", "/v1/dead-letters/replay", json=body)
    assert (away.status_code, away.json["type"]) == (503, "/docs/problems#broker-unavailable")
    sent: list[Any] = []
    whole = Parts.of(parts.database, Sealer(new_key()), parts.ringer, enqueue=sent.append)
    there = Caller(create_app(whole).test_client(), admin.key)
    assert there("POST", "/v1/dead-letters/replay", json=body).json["done"] == 1
    assert [message["args"] for message in sent] == [[7]]
    assert there("GET", "/v1/dead-letters?kind=task").json["items"] == []


def test_who_did_it_is_written_down(call: Any, die: Any, parts: Parts) -> None:
    (one,) = die()
    call("POST", "/v1/dead-letters/replay", json={"ids": [one]})
    (deed,) = parts.database.rows(text("SELECT who, what, subject FROM audit_log"))
    assert (deed.who.startswith("key "), deed.what, deed.subject) == (True, "dead-letters.replayed", one)
