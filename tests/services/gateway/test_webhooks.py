"""`/v1/webhooks` over a real ledger."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from services.gateway import create_app
from services.gateway.parts import Parts
from shared.crypto import Sealer, new_key
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.ssrf import Reach
from tests.services.gateway.conftest import Caller

# Resolves to nothing, so that no test depends on the network.
URL = "https://hooks.shop.invalid/crier"


@pytest.fixture
def owner(app: Flask, database: Database) -> Caller:
    """Calls as project acme, with every scope."""
    return Caller(app.test_client(), Keys(database).create("acme", scopes=("send", "read", "admin")))


@pytest.fixture
def made(owner: Caller) -> Any:
    """An endpoint, with its secret."""
    return owner("POST", "/v1/webhooks", json={"url": URL, "events": ["notification.*"]}).json


def at(made: Any, *rest: str) -> str:
    return "/".join(("/v1/webhooks", made["id"], *rest))


def problems(answer: Any) -> dict[str, str]:
    return {error["field"]: error["problem"] for error in answer.json["errors"]}


def test_the_secret_is_shown_once(owner: Caller) -> None:
    answer = owner("POST", "/v1/webhooks", json={"url": "https://HOOKS.shop.invalid:443/crier", "description": "Shop"})
    assert answer.status_code == 201
    made = answer.json
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert (made["url"], made["description"], made["events"], made["disabled_at"]) == (URL, "Shop", [], None)
    assert "project_id" not in made
    assert owner("GET", answer.headers["Location"]).json == made
    assert owner("GET", "/v1/webhooks").json == {"items": [made]}


def test_what_is_given_changes_and_the_rest_stays(owner: Caller, made: Any) -> None:
    changed = owner("PATCH", at(made), json={"events": ["*", "*"], "description": "Shop"}).json
    assert (changed["url"], changed["events"], changed["description"]) == (URL, ["*"], "Shop")
    disabled = owner("PATCH", at(made), json={"enabled": False}).json
    assert disabled["disabled_at"]
    assert (disabled["disabled_reason"], disabled["description"]) == ("It was disabled by hand.", "Shop")
    for refused in (owner("POST", at(made, "test")), owner("POST", at(made, "replay?since=2026-01-01T00:00:00Z"))):
        assert refused.status_code == 409
        assert "PATCH it with enabled true" in refused.json["detail"]
    assert owner("PATCH", at(made), json={"enabled": True, "description": None}).json["disabled_at"] is None
    assert owner("GET", at(made)).json["description"] is None


def test_one_that_is_deleted_is_gone(owner: Caller, made: Any) -> None:
    assert owner("DELETE", at(made)).json == {"id": made["id"], "deleted": True}
    assert owner("GET", at(made)).status_code == owner("DELETE", at(made)).status_code == 404


def test_a_new_secret_signs_beside_the_old_one(owner: Caller, made: Any, parts: Parts) -> None:
    answer = owner("POST", at(made, "rotate"), json={"overlap": 3600}).json
    assert answer["secret"] != made["secret"]
    assert datetime.fromisoformat(answer["old_until"]) - datetime.now(UTC) <= timedelta(hours=1)
    endpoint = owner("GET", at(made)).json["id"]
    found = parts.endpoints.signing(endpoint, now=datetime.now(UTC))
    assert found
    assert found.secrets == (answer["secret"], made["secret"])


def test_a_test_is_a_notification_like_any_other(owner: Caller, made: Any, rung: Any) -> None:
    answer = owner("POST", at(made, "test"))
    assert answer.status_code == 202
    found = owner("GET", answer.headers["Location"]).json
    assert (found["channel"], found["lane"], found["on_unknown"]) == ("webhook", "normal", "resend")
    assert found["content"]["type"] == "webhook.test"
    assert found["deliveries"][0]["target"] == made["id"]
    assert rung.queues == ["webhook.normal"]


def test_a_replay_says_how_many(owner: Caller, made: Any) -> None:
    answer = owner("POST", at(made, "replay"), query_string={"since": "2026-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json) == (202, {"queued": 0, "more": False})
    assert problems(owner("POST", at(made, "replay"))) == {"since": "Missing data for required field."}


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({}, "url", "Missing data for required field."),
        ({"url": "http://hooks.shop.invalid/"}, "url", "Must begin with https://; CRIER_WEBHOOK_ALLOW_HTTP"),
        ({"url": "file:///etc/passwd"}, "url", "Must begin with https://"),
        ({"url": "https://127.0.0.1/"}, "url", "127.0.0.1 is not a public address"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "url", "169.254.169.254 is not a public address"),
        ({"url": "https://0x7f.1/"}, "url", "unusual form"),
        ({"url": "https://[::ffff:127.0.0.1]/"}, "url", "is not a public address"),
        ({"url": "https://localhost/"}, "url", "localhost leads to an address that is not allowed"),
        ({"url": "https://a:b@hooks.shop.invalid/"}, "url", "Must not hold a user or a password"),
        ({"url": URL, "events": ["notification.faild"]}, "events.0", "Did you mean notification.failed?"),
        ({"url": URL, "events": ["weather"]}, "events.0", "There is no such event. There are *, endpoint.*"),
        ({"url": URL, "events": "notification.failed"}, "events", "Not a valid list."),
        ({"url": URL, "secret": "whsec_x"}, "secret", "There is no such field."),
        ({"url": URL, "enabled": True}, "enabled", "There is no such field."),
        ({"url": URL, "description": "a\r\nb"}, "description", "Must be a single line"),
    ],
)
def test_a_mistake_is_named_by_its_field(owner: Caller, asked: Any, field: str, said: str) -> None:
    answer = owner("POST", "/v1/webhooks", json=asked)
    assert answer.status_code == 422
    assert said in problems(answer)[field]
    assert owner("GET", "/v1/webhooks").json == {"items": []}


def test_an_address_cannot_be_changed_to_a_private_one(owner: Caller, made: Any) -> None:
    answer = owner("PATCH", at(made), json={"url": "https://10.0.0.1/"})
    assert "10.0.0.1 is not a public address" in problems(answer)["url"]
    assert owner("GET", at(made)).json["url"] == URL


def test_private_networks_are_a_setting(database: Database, rung: Any, owner: Caller) -> None:
    reach = Reach(allow_http=True, allowed=("127.0.0.0/8",))
    app = create_app(Parts.of(database, Sealer(new_key()), rung, reach=reach))
    answer = Caller(app.test_client(), owner.key)("POST", "/v1/webhooks", json={"url": "http://127.0.0.1:8080/"})
    assert answer.status_code == 201


def test_endpoints_are_their_projects_and_take_an_admins_key(call: Caller, stranger: Caller, made: Any) -> None:
    assert call("GET", at(made)).status_code == 200
    assert call("POST", "/v1/webhooks", json={"url": URL}).status_code == 403
    assert call("DELETE", at(made)).status_code == 403
    assert stranger("GET", "/v1/webhooks").json == {"items": []}
    for method, path, body in (
        ("GET", at(made), None), ("PATCH", at(made), {}), ("DELETE", at(made), None), ("POST", at(made, "test"), None),
        ("POST", at(made, "rotate"), {}), ("POST", at(made, "replay?since=2026-01-01T00:00:00Z"), None),
    ):  # fmt: skip
        assert stranger(method, path, json=body).status_code == 404, (method, path)


def test_a_webhook_needs_an_endpoint_of_the_project(call: Caller, stranger: Caller, made: Any) -> None:
    asked = {"channel": "webhook", "to": {"endpoint": made["id"]}, "content": {"type": "order.created", "data": {}}}
    accepted = call.send(asked)
    assert (accepted.status_code, accepted.json["channel"]) == (202, "webhook")
    assert "There is no such endpoint" in problems(stranger.send(asked))["to.endpoint"]
    assert (
        "There is no such endpoint" in problems(call.send({**asked, "to": {"endpoint": str(uuid4())}}))["to.endpoint"]
    )
    assert "Must be the id" in problems(call.send({**asked, "to": {"endpoint": "shop"}}))["to.endpoint"]
    assert "A webhook needs to.endpoint" in problems(call.send({**asked, "to": {}}))["to.endpoint"]
    assert "dotted name" in problems(call.send({**asked, "content": {"type": "order created"}}))["content.type"]
    template = {"channel": "webhook", "to": asked["to"], "template": "welcome"}
    assert "A webhook has no template" in problems(call.send(template))["template"]


def test_a_webhook_in_doubt_is_sent_again_unless_told_otherwise(call: Caller, made: Any) -> None:
    asked = {
        "channel": "webhook", "to": {"endpoint": made["id"]}, "content": {"type": "sale.begun"}, "kind": "promotion",
    }  # fmt: skip
    for given, expected in (({}, "resend"), ({"on_unknown": "hold"}, "hold")):
        answer = call.send({**asked, **given})
        assert call("GET", answer.headers["Location"]).json["on_unknown"] == expected
