"""One notification a call is answered on the short way as Flask answers it on the long one."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from flask import Flask

from services.gateway import create_app
from services.gateway.parts import Parts
from shared.errors import LedgerUnavailable
from shared.ledger.database import Database
from shared.ledger.keys import Identity, Keys
from tests.services.gateway.conftest import MAIL, Rung

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()
REQUESTS: dict[str, dict[str, Any]] = {
    "good": {"json": MAIL},
    "good, with a request id": {"json": MAIL, "headers": {"X-Request-Id": "abc.1"}},
    "odd request id": {"json": MAIL, "headers": {"X-Request-Id": "a b"}},
    "under a key": {"json": MAIL, "headers": {"Idempotency-Key": "k-1"}},
    "under it again": {"json": MAIL, "headers": {"Idempotency-Key": "k-1"}},
    "under it with something else": {"json": {**MAIL, "lane": "bulk"}, "headers": {"Idempotency-Key": "k-1"}},
    "under an odd key": {"json": MAIL, "headers": {"Idempotency-Key": "é"}},
    "under an empty key": {"json": MAIL, "headers": {"Idempotency-Key": ""}},
    "for later": {"json": {**MAIL, "send_at": TOMORROW}},
    "mistakes": {"json": {**MAIL, "to": {"email": "x"}, "lnae": 1}},
    "a list": {"json": [MAIL]},
    "null": {"data": b"null", "content_type": "application/json"},
    "far away": {"json": {**MAIL, "send_at": "2099-01-01T00:00:00Z"}},
    "not JSON": {"data": b"{", "content_type": "application/json"},
    "nothing": {"data": b"", "content_type": "application/json"},
    "not UTF-8": {"data": b'{"a": "\xff"}', "content_type": "application/json"},
    "NUL": {"json": {**MAIL, "metadata": {"a": "\0"}}},
    "deep": {"data": b"[" * 40 + b"]" * 40, "content_type": "application/json"},
    "many brackets": {"json": {**MAIL, "metadata": {"a": "[" * 100}}},
    "another media type": {"json": MAIL, "content_type": "application/vnd.x+json"},
    "a charset": {"json": MAIL, "content_type": "application/json; charset=utf-8"},
    "no media type": {"data": orjson.dumps(MAIL)},
    "packed": {
        "data": gzip.compress(orjson.dumps(MAIL)), "content_type": "application/json",
        "headers": {"Content-Encoding": "gzip"},
    },
    "a query": {"json": MAIL, "query_string": "a=1"},
    "a key in the address": {"json": MAIL, "query_string": "key=crier_0123456789_x"},
    "too large": {"json": {**MAIL, "content": {"subject": "Hi", "text": "x" * 300_000}}},
    "an attachment": {
        "json": {**MAIL, "content": {
            "subject": "Hi", "text": "x",
            "attachments": [{"filename": "a.txt", "content_type": "text/plain", "content": "YQ" * 200_000}],
        }},
    },
    "no key": {"json": MAIL, "headers": {"Authorization": ""}},
    "a wrong key": {"json": MAIL, "headers": {"Authorization": "Bearer crier_0123456789_x"}},
    "a key that may not": {"json": MAIL, "headers": {"Authorization": "READ ONLY"}},
    "another scheme": {"json": MAIL, "headers": {"Authorization": "Basic eDp4"}},
    "another method": {"method": "PUT", "json": MAIL},
    "a list of them": {"method": "GET"},
}  # fmt: skip


def said(app: Flask, key: str, read_only: str, request: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
    """Status, headers and body, without what is different each time."""
    headers = {"Authorization": f"Bearer {key}", **request.get("headers", {})}
    if headers["Authorization"] == "READ ONLY":
        headers["Authorization"] = f"Bearer {read_only}"
    answer = app.test_client().open("/v1/notifications", **{"method": "POST", **request, "headers": headers})
    found, body = dict(answer.headers), answer.get_data(as_text=True)
    if answer.status_code == 202:
        identifier = orjson.loads(body)["id"]
        assert UUID(identifier).version == 7
        assert found["Location"] == f"/v1/notifications/{identifier}"
        found["Location"], body = "", body.replace(identifier, "")
    elif request.get("method") == "GET":
        found["Content-Length"] = body = ""
    if "X-Request-Id" not in headers or " " in headers["X-Request-Id"]:
        assert len(found.pop("X-Request-Id")) == 32
    return answer.status_code, found, body


@pytest.fixture
def both(app: Flask, parts: Parts) -> tuple[Flask, Flask]:
    """The application as it is, and without its short way."""
    long_way = create_app(parts)
    long_way.wsgi_app = long_way.wsgi_app._flask  # type: ignore[method-assign, attr-defined]
    return app, long_way


def test_every_request_is_answered_alike(both: tuple[Flask, Flask], database: Database) -> None:
    read_only = Keys(database).create("both", scopes=("read",))
    short, long = (Keys(database).create(project, scopes=("send", "read")) for project in ("short", "long"))
    for name, request in REQUESTS.items():
        answers = [
            said(app, key, read_only, request) for app, key in zip(both, (short, long), strict=True)
        ]  # each in a project of its own: idempotency keys are a project's
        assert answers[0] == answers[1], name


def test_both_ways_ring_and_count(
    both: tuple[Flask, Flask], database: Database, rung: Rung, rows: Callable[..., list[Any]]
) -> None:
    key = Keys(database).create("counting")
    for app in both:
        assert said(app, key, "", {"json": MAIL})[0] == 202
    assert rung.queues == ["email.normal"] * 2
    assert [row.deliveries for row in rows("SELECT sum(deliveries) AS deliveries FROM tally")] == [2]


def test_what_is_plainly_good_needs_no_flask(app: Flask, key: str) -> None:
    app.wsgi_app._flask = None  # type: ignore[attr-defined]
    for name in ("good", "good, with a request id", "under a key", "under it again", "for later"):
        assert said(app, key, "", REQUESTS[name])[0] == 202, name


def test_a_ledger_that_went_away_is_not_asked_for_the_key_again(parts: Parts, key: str) -> None:
    class Away:
        """Knows the key, and by then it is forgotten."""

        asked = 0

        def check(self, _: str) -> Identity | None:
            self.asked += 1
            if self.asked > 1:
                raise AssertionError("the caller would wait for the ledger twice")
            return parts.keys.check(key)

        def accept(self, *_: Any) -> Any:
            callers._remembered.clear()
            raise LedgerUnavailable("The ledger is not available: away")

    away: Any = Away()
    app = create_app(replace(parts, keys=away, intake=away))
    callers = app.wsgi_app._callers  # type: ignore[attr-defined]
    assert said(app, key, "", {"json": MAIL})[0] == 503
    assert away.asked == 1
