"""Every route demands a key, every error is a problem document, and both are documented."""

import logging
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from services.gateway import BLUEPRINTS, create_app
from services.gateway.auth import PUBLIC
from services.gateway.parts import Parts
from services.gateway.problems import KINDS, MEDIA_TYPE
from shared.crypto import Sealer, new_key
from shared.errors import LedgerUnavailable
from shared.ledger.batches import Batch
from shared.ledger.database import Database
from shared.ledger.ids import new_id
from shared.ledger.keys import SCOPES, Keys

UUID = "01890a5d-ac96-774b-bcce-b302099a8057"
OPEN = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/docs/problems",
    "/docs/assets/<name>",
    "/u/<token>",
}
SIGNED = {"/v1/receipts/<provider>"}


def protected(app: Flask) -> list[tuple[str, Rule]]:
    return [
        (method, rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/v1/") and rule.rule not in SIGNED
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


ADMINISTERS = ("/v1/identity", "/v1/webhooks", "/v1/categories", "/v1/quiet-hours", "/v1/caps", "/v1/chats")


def path_of(rule: Rule) -> str:
    return re.sub(r"<(uuid:)?(\w+)>", lambda place: UUID if place[1] else place[2], rule.rule)


def is_problem(answer: Any, status: int) -> bool:
    return (
        answer.status_code == answer.json["status"] == status
        and answer.content_type == MEDIA_TYPE
        and {"type", "title", "detail", "instance"} <= answer.json.keys()
    )


def test_what_needs_no_key_is_listed_here(app: Flask) -> None:
    assert {rule.rule for rule in app.url_map.iter_rules() if not rule.rule.startswith("/v1/")} == OPEN
    assert len(protected(app)) >= 15
    views = {rule.rule: app.view_functions[rule.endpoint] for rule in app.url_map.iter_rules()}
    assert {rule for rule, view in views.items() if getattr(view, "scope", None) == PUBLIC} == SIGNED


def test_every_route_demands_a_key(app: Flask, nobody: FlaskClient) -> None:
    for method, rule in protected(app):
        assert is_problem(nobody.open(path_of(rule), method=method), 401), (method, rule)


def test_every_route_declares_a_scope_and_refuses_keys_without_it(app: Flask, database: Any) -> None:
    keys = {scope: Keys(database).create("acme", scopes=tuple({*SCOPES} - {scope})) for scope in SCOPES}
    for method, rule in protected(app):
        scope = app.view_functions[rule.endpoint].scope  # type: ignore[attr-defined]
        looks = method == "GET" or rule.rule.endswith("/preview")
        assert scope == ("read" if looks else "admin" if rule.rule.startswith(ADMINISTERS) else "send"), (method, rule)
        headers = {"Authorization": f"Bearer {keys[scope]}"}
        assert is_problem(app.test_client().open(path_of(rule), method=method, headers=headers), 403), (method, rule)


def test_a_route_that_declares_none_is_closed_to_everybody(parts: Any, database: Any) -> None:
    from services.gateway import create_app

    app = create_app(parts)
    app.add_url_rule("/v1/forgotten", view_func=lambda: "open")
    key = Keys(database).create("acme", scopes=SCOPES)
    answer = app.test_client().get("/v1/forgotten", headers={"Authorization": f"Bearer {key}"})
    assert is_problem(answer, 403)


def test_plain_errors_are_problem_documents(call: Any, nobody: FlaskClient) -> None:
    assert is_problem(nobody.get("/nothing"), 404)
    assert is_problem(call("GET", "/v1/nothing"), 404)
    refused = call("PATCH", "/v1/notifications")
    assert is_problem(refused, 405)
    assert set(refused.headers["Allow"].split(", ")) >= {"GET", "POST"}
    assert is_problem(nobody.post("/healthz"), 405)
    assert is_problem(call("POST", "/v1/notifications", data="x"), 415)


def test_a_mistake_of_ours_is_logged_and_tells_nothing(
    parts: Any, key: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(parts)

    def broken() -> str:
        raise RuntimeError("the colour of money")

    broken.scope = "read"  # type: ignore[attr-defined]
    app.add_url_rule("/v1/broken", view_func=broken)
    with caplog.at_level(logging.ERROR):
        answer = app.test_client().get("/v1/broken", headers={"Authorization": f"Bearer {key}"})
    assert is_problem(answer, 500)
    assert "money" not in answer.get_data(as_text=True)
    assert any(record.exc_info or "money" in str(record.msg) for record in caplog.records)


def test_a_missing_ledger_says_when_to_come_back(parts: Any, key: str) -> None:
    nowhere = Parts.of(Database("postgresql://crier@127.0.0.1:1/crier", deadline=1.0), Sealer(new_key()), parts.ringer)
    answer = create_app(nowhere).test_client().get("/v1/notifications", headers={"Authorization": f"Bearer {key}"})
    assert is_problem(answer, 503)
    assert int(answer.headers["Retry-After"]) >= 1


def test_every_kind_of_problem_is_explained(nobody: FlaskClient) -> None:
    page = nobody.get("/docs/problems").get_data(as_text=True)
    assert all(f'id="{kind}"' in page for kind in KINDS)


def test_every_route_is_in_the_openapi_document(app: Flask, nobody: FlaskClient) -> None:
    document = nobody.get("/openapi.json").json
    assert document["openapi"].startswith("3.1")
    documented = {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }
    served = {(method, re.sub(r"<(?:uuid:)?(\w+)>", r"{\1}", rule.rule)) for method, rule in protected(app)}
    assert documented.keys() == served
    operations = documented.values()
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["summary"]
        assert "default" in operation["responses"]
    assert document["security"] == [{"key": []}]
    assert len(BLUEPRINTS) == len(document["tags"])


def test_what_counts_very_many_rows_has_a_database_of_its_own(database: Any, rung: Any) -> None:
    nowhere = Database("postgresql://crier@127.0.0.1:1/crier", deadline=1.0)
    parts = Parts.of(database, Sealer(new_key()), rung, patient=nowhere)
    project_id, audience, batch = Keys(database).project("acme"), new_id(), Batch(new_id(), {})
    parts.audiences.open(project_id, audience, "guests", form="csv", unique_by="person", who="key test")
    assert parts.audiences.get(project_id, audience).members == 0
    with pytest.raises(LedgerUnavailable):
        parts.audiences.close(audience, "")
    parts.batches.open(project_id, batch)
    assert parts.batches.request(project_id, batch.id) == {}
    with pytest.raises(LedgerUnavailable):
        parts.batches.progress(project_id, batch.id)
