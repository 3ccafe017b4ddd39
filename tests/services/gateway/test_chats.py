"""`/v1/chats`, and notifications to what is registered there, over a real ledger."""

from typing import Any

import pytest
from flask import Flask

from shared.ledger.database import Database
from shared.ledger.keys import Keys
from tests.services.gateway.conftest import Caller

TOKEN = "canary7d1fcanary7d1f"
URL = f"slack://T1JJ3T3L2/A1BRTD4JD/{TOKEN}"
ALERT = {"channel": "chat", "to": {"chat": "ops"}, "content": {"body": "p95 is 4.2 s.", "level": "failure"}}


@pytest.fixture
def owner(app: Flask, database: Database) -> Caller:
    """Calls as project acme, with every scope."""
    return Caller(app.test_client(), Keys(database).create("acme", scopes=("send", "read", "admin")))


@pytest.fixture
def made(owner: Caller) -> Any:
    return owner("POST", "/v1/chats", json={"name": "ops", "url": URL, "description": "On call"}).json


def problems(answer: Any) -> dict[str, str]:
    return {error["field"]: error["problem"] for error in answer.json["errors"]}


def test_a_destination_is_shown_without_what_opens_it(owner: Caller, made: Any) -> None:
    assert (made["name"], made["service"], made["url"], made["description"]) == ("ops", "slack", "slack://…", "On call")
    assert owner("GET", "/v1/chats").json == {"items": [made]}
    assert owner("GET", "/v1/chats/ops").json == owner("GET", f"/v1/chats/{made['id']}").json == made
    assert TOKEN not in str(made)


def test_one_that_moves_keeps_its_name_and_one_that_is_deleted_is_gone(owner: Caller, made: Any) -> None:
    moved = owner("PATCH", "/v1/chats/ops", json={"url": f"tgram://123456789:{TOKEN}/1"}).json
    assert (moved["id"], moved["service"], moved["url"]) == (made["id"], "telegram", "tgram://…")
    assert owner("DELETE", "/v1/chats/ops").json == {"id": made["id"], "deleted": True}
    assert owner("GET", "/v1/chats/ops").status_code == owner("DELETE", "/v1/chats/ops").status_code == 404


def test_of_another_projects_nothing_is_known(owner: Caller, made: Any, stranger: Caller) -> None:
    assert stranger("GET", "/v1/chats").json == {"items": []}
    assert stranger("GET", f"/v1/chats/{made['id']}").status_code == 404
    assert "no such destination" in problems(stranger.send(ALERT))["to.chat"]


def test_a_test_is_a_notification_like_any_other(owner: Caller, made: Any, rung: Any) -> None:
    answer = owner("POST", "/v1/chats/ops/test")
    assert answer.status_code == 202
    found = owner("GET", answer.headers["Location"]).json
    assert (found["channel"], found["lane"], found["content"]["level"]) == ("chat", "normal", "success")
    assert found["deliveries"][0]["target"] == made["id"]
    assert rung.queues == ["chat.normal"]


@pytest.mark.usefixtures("catalogue")
def test_a_notification_goes_to_a_name_or_an_id(owner: Caller, made: Any) -> None:
    alert = owner("GET", "/v1/templates/system_alert").json["sample"]
    for asked in (ALERT, ALERT | {"to": {"chat": made["id"]}}, {**ALERT, "template": "system_alert", "data": alert}):
        if "template" in asked:
            asked = {name: value for name, value in asked.items() if name != "content"}
        answer = owner.send(asked)
        assert answer.status_code == 202, answer.json
        found = owner("GET", f"/v1/notifications/{answer.json['id']}").json
        assert [one["target"] for one in found["deliveries"]] == [made["id"]]
        assert TOKEN not in str(found)


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(
    ("to", "field", "said"),
    [
        ({}, "to.chat", "A chat message needs to.chat"),
        ({"chat": "dev"}, "to.chat", "There is no such destination in this project: GET /v1/chats lists them"),
        ({"chat": URL}, "to.chat", "An address holds tokens: register it (POST /v1/chats)"),
        ({"chat": "a b"}, "to.chat", "Must be the name or the id of a destination"),
        ({"chats": "ops"}, "to.chats", "Did you mean chat?"),
    ],
)
def test_whom_it_cannot_go_to(owner: Caller, to: Any, field: str, said: str) -> None:
    answer = owner.send(ALERT | {"to": to})
    assert answer.status_code == 422
    assert said in problems(answer)[field]
    assert TOKEN not in str(answer.json)


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({"url": URL}, "name", "Missing data"),
        ({"name": "ops"}, "url", "Missing data"),
        ({"name": "o ps", "url": URL}, "name", "Must be up to 64 letters"),
        ({"name": "ops", "url": URL, "nmae": 1}, "nmae", "Did you mean name?"),
        ({"name": "ops", "url": f"mailto://a:{TOKEN}@example.com"}, "url", "use the email channel"),
        ({"name": "ops", "url": f"discord://1/{TOKEN}?template=/etc/passwd"}, "url", "not template"),
        ({"name": "ops", "url": f"jsons://127.0.0.1/{TOKEN}"}, "url", "127.0.0.1 is not a public address"),
        ({"name": "ops", "url": f"slack://{TOKEN}"}, "url", "which is written slack://TOKEN_A/TOKEN_B/TOKEN_C"),
    ],
)
def test_what_cannot_be_registered(
    owner: Caller, asked: Any, field: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = owner("POST", "/v1/chats", json=asked)
    assert answer.status_code == 422
    assert said in problems(answer)[field]
    assert TOKEN not in str(answer.json) + "".join(capfd.readouterr())


def test_a_name_is_taken_once(owner: Caller, made: Any) -> None:
    answer = owner("POST", "/v1/chats", json={"name": "ops", "url": URL})
    assert answer.status_code == 409
    assert "PATCH it with its new url" in answer.json["detail"]


def test_in_bulk_each_row_has_its_destination(owner: Caller, made: Any) -> None:
    rows = [{"to": {"chat": "ops"}}, {"to": {"chat": "nobody"}}]
    answer = owner(
        "POST", "/v1/notifications/bulk", json={"channel": "chat", "content": ALERT["content"], "recipients": rows}
    )
    assert (answer.status_code, answer.json["accepted"]) == (202, 1)
    assert answer.json["errors"][0]["field"] == "to.chat"
