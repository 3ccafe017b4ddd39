"""Probes, metrics and request ids."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.gateway import create_app
from services.gateway.parts import Parts
from shared.crypto import Sealer, new_key
from shared.ledger.database import Database


def client_over(url: str, rung: Any) -> FlaskClient:
    return create_app(Parts.of(Database(url, deadline=1.0), Sealer(new_key()), rung)).test_client()


def test_alive_whatever_else_is_not(rung: Any) -> None:
    assert client_over("postgresql://crier@127.0.0.1:1/crier", rung).get("/healthz").status_code == 200


def test_ready_when_the_ledger_is_whatever_the_broker_does(nobody: FlaskClient) -> None:
    answer = nobody.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ready", "ledger": "ok", "broker": "unreachable"})


def test_not_ready_without_a_ledger(rung: Any) -> None:
    answer = client_over("postgresql://crier@127.0.0.1:1/crier", rung).get("/readyz")
    assert (answer.status_code, answer.json["ledger"]) == (503, "unavailable")


def test_not_ready_before_the_schema_is_there(empty_database_url: str, rung: Any) -> None:
    answer = client_over(empty_database_url, rung).get("/readyz")
    assert (answer.status_code, answer.json["ledger"]) == (503, "not migrated")


def count(nobody: FlaskClient, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", nobody.get("/metrics").get_data(as_text=True), re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_what_was_done_is_counted(call: Any, nobody: FlaskClient) -> None:
    names = (
        'crier_accepted_total{channel="email",how="one",lane="normal"}',
        'crier_http_requests_total{method="POST",route="/v1/notifications",status="202"}',
        'crier_accept_seconds_count{how="one"}',
    )
    before = [count(nobody, name) for name in names]
    call.send()
    assert [count(nobody, name) for name in names] == [number + 1 for number in before]


def test_what_is_answered_again_is_not_counted_again(call: Any, nobody: FlaskClient) -> None:
    one = 'crier_accepted_total{channel="email",how="one",lane="normal"}'
    many = 'crier_accepted_total{channel="sms",how="bulk",lane="bulk"}'
    refused = "crier_refused_rows_total"
    before = [count(nobody, name) for name in (one, many, refused)]
    bulk = {"channel": "sms", "lane": "bulk", "content": {"body": "x"}}
    rows = [{"to": {"phone": f"+44207946001{number}"}} for number in range(3)] + [{"to": {}}]
    for _ in range(2):
        call.send(**{"Idempotency-Key": "a"})
        call("POST", "/v1/notifications/bulk", json={**bulk, "recipients": rows}, headers={"Idempotency-Key": "b"})
    assert [count(nobody, name) for name in (one, many, refused)] == [before[0] + 1, before[1] + 3, before[2] + 1]


def test_labels_are_a_closed_set(call: Any, nobody: FlaskClient) -> None:
    call("GET", "/v1/notifications/canary-path")
    nobody.open("/healthz", method="CANARY")
    call("GET", "/v1/recipients/canary-user/devices")
    assert "anary" not in nobody.get("/metrics").get_data(as_text=True).replace("(other)", "")


@pytest.mark.parametrize("given", ["abc-123", "00-4bf92f3577b34da6a3ce929d0e0e4736"])
def test_a_request_id_comes_back(nobody: FlaskClient, given: str) -> None:
    assert nobody.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\x7fb", "é"])
def test_an_odd_or_missing_request_id_is_replaced(nobody: FlaskClient, given: str) -> None:
    answer = nobody.get("/healthz", headers={"X-Request-Id": given})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-Id"])
