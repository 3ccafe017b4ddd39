"""What providers report: verified, stored once, and answered when it is in the ledger (security 19, 20, 22)."""

import gzip
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from services.gateway import create_app
from services.gateway.parts import Parts
from services.gateway.receipts import LIMIT
from shared.crypto import Sealer, new_key
from shared.errors import Unavailable
from shared.ledger.database import Database
from shared.telemetry.metrics import RECEIPTS
from tests.postman import SIGNATURE, Postman, PostmanSettings

PUBLIC = "https://crier.example/in"
ADDRESS = "/v1/receipts/postman"
EVENTS = [{"id": "e1", "kind": "delivered"}, {"id": "e2", "kind": "opened"}]


class Stuck(Postman):
    """One whose certificate cannot be had."""

    name = "stuck"

    def events(self, incoming: Any) -> Any:
        raise Unavailable("no certificate")


def client_of(database: Database, rung: Any, public_url: str | None = PUBLIC) -> FlaskClient:
    settings = PostmanSettings("sesame")
    sources = {"postman": Postman(settings), "stuck": Stuck(settings)}
    parts = Parts.of(database, Sealer(new_key()), rung, sources=sources, public_url=public_url)
    return create_app(parts).test_client()


@pytest.fixture
def vendor(database: Database, rung: Any) -> FlaskClient:
    return client_of(database, rung)


def post(client: FlaskClient, events: Any = EVENTS, *, signed: str = PUBLIC, query: str = "", **options: Any) -> Any:
    body = options.pop("data", None) or orjson.dumps(events)
    headers = {SIGNATURE: f"sesame {signed}{ADDRESS}{query}", **options.pop("headers", {})}
    return client.post(ADDRESS + query, data=body, headers=headers, **options)


def test_what_is_reported_is_in_the_ledger_once(vendor: FlaskClient, rows: Any) -> None:
    for _ in range(2):
        answer = post(vendor)
        assert (answer.status_code, answer.data, "Content-Type" in answer.headers) == (204, b"", False)
    stored = rows("SELECT provider, event_id, body, due_at IS NOT NULL AS due FROM receipts ORDER BY id")
    assert [tuple(row) for row in stored] == [
        ("postman", "e1", EVENTS[0], True),
        ("postman", "e2", EVENTS[1], True),
    ]


def test_no_key_is_needed_and_none_is_in_the_way(vendor: FlaskClient, key: str) -> None:
    assert post(vendor, headers={"Authorization": f"Bearer {key}"}).status_code == 204
    assert post(vendor, headers={"Authorization": "Bearer nonsense"}).status_code == 204


def test_the_address_is_what_the_installation_says_it_is(vendor: FlaskClient, database: Database, rung: Any) -> None:
    assert post(vendor, query="?delivery=1&x=%2B").status_code == 204
    assert post(vendor, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}).status_code == 204
    assert post(vendor, signed="https://evil.example", headers={"Host": "evil.example"}).status_code == 403
    assert post(client_of(database, rung, None), signed="http://localhost").status_code == 204


def test_a_forged_one_is_refused_and_not_told_why(vendor: FlaskClient, rows: Any, caplog: Any) -> None:
    before = RECEIPTS.labels("postman", "", "forged")._value.get()
    for signature in ("", "wrong", "sesame", f"sesame {PUBLIC}{ADDRESS}?x=1"):
        answer = post(vendor, headers={SIGNATURE: signature})
        assert answer.status_code == 403
        assert answer.json["type"].endswith("#forged")
        assert "sesame" not in answer.text and "signed for" not in answer.text
    assert rows("SELECT FROM receipts") == []
    assert RECEIPTS.labels("postman", "", "forged")._value.get() == before + 4
    assert "not signed for" in caplog.text


def test_what_is_signed_and_unreadable_is_no_forgery(vendor: FlaskClient) -> None:
    answer = post(vendor, data=b"{")
    assert answer.status_code == 422
    assert answer.json["errors"] == [{"field": "body", "problem": "must be a list of events."}]


def test_what_cannot_be_verified_now_is_to_be_repeated(vendor: FlaskClient) -> None:
    answer = vendor.post("/v1/receipts/stuck", data=b"[]")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_provider_that_is_unknown_or_not_configured_has_no_address(vendor: FlaskClient) -> None:
    for name in ("nobody", "twilio", "POSTMAN", "a\x01"):
        assert vendor.post(f"/v1/receipts/{name}", data=b"[]").status_code == 404


def test_only_a_post_is_for_everybody(vendor: FlaskClient) -> None:
    assert vendor.get(ADDRESS).status_code == 401


def test_an_oversize_body_and_a_gzip_bomb_are_refused(vendor: FlaskClient, rows: Any) -> None:
    assert post(vendor, data=b" " * (LIMIT + 1)).status_code == 413
    assert post(vendor, data=gzip.compress(b" " * 50 * LIMIT), headers={"Content-Encoding": "gzip"}).status_code == 413
    padded = orjson.dumps(EVENTS)
    assert post(vendor, data=padded + b" " * (LIMIT - len(padded))).status_code == 204
    assert post(vendor, data=gzip.compress(padded), headers={"Content-Encoding": "gzip"}).status_code == 204


def test_without_a_ledger_the_vendor_is_to_repeat_it(rung: Any) -> None:
    nowhere = Database("postgresql://crier@127.0.0.1:1/crier", deadline=1.0)
    answer = post(client_of(nowhere, rung))
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
