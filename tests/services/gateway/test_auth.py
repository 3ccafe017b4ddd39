"""Keys and tenants (security 1 to 6)."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.gateway.auth import REMEMBERED_FOR
from shared.ledger.database import Database
from shared.ledger.keys import Keys


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_key_is_in_no_table(call: Any, key: str, rows: Any) -> None:
    assert call.send().status_code == 202
    secret = key.split("_", 2)[2]
    tables = rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    assert len(tables) > 10
    for table in tables:
        assert not rows(f"SELECT FROM {table.relname} t WHERE t::text LIKE :secret", secret=f"%{secret}%")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key[:-1],
        lambda key: key + "A",
        lambda key: key.upper(),
        lambda key: key.split("_", 2)[2],
        lambda key: "crier_" + key.split("_", 2)[1],
        lambda key: "",
        lambda key: "é" * 40,
    ],
)
def test_a_near_miss_is_refused(nobody: FlaskClient, key: str, spoil: Any) -> None:
    answer = nobody.get("/v1/notifications", headers=bearer(spoil(key)))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json["type"].endswith("#unauthorized")


def test_without_a_key_or_with_another_scheme(nobody: FlaskClient, key: str) -> None:
    assert nobody.get("/v1/notifications").status_code == 401
    assert nobody.get("/v1/notifications", headers={"Authorization": f"Basic {key}"}).status_code == 401
    assert nobody.get("/v1/notifications", headers={"Authorization": key}).status_code == 401


@pytest.mark.parametrize("scopes", [("read",), ("send",), ("admin",)])
def test_each_scope_is_given_by_itself(app: Flask, database: Database, scopes: tuple[str, ...]) -> None:
    client, headers = app.test_client(), bearer(Keys(database).create("acme", scopes=scopes))
    mail = {"channel": "email", "to": {"email": "a@example.com"}, "content": {"subject": "x", "text": "y"}}
    posted = client.post("/v1/notifications", json=mail, headers=headers)
    listed = client.get("/v1/notifications", headers=headers)
    assert posted.status_code == (202 if "send" in scopes else 403)
    assert listed.status_code == (200 if "read" in scopes else 403)
    for answer in (posted, listed):
        if answer.status_code == 403:
            missing = "send" if answer is posted else "read"
            assert f"the scope {missing}" in answer.json["detail"]


def test_what_is_another_projects_is_not_there(call: Any, stranger: Any) -> None:
    notification = call.send().headers["Location"]
    bulk = {
        "channel": "email", "content": {"subject": "x", "text": "y"},
        "recipients": [{"to": {"email": "a@example.com"}}, {"to": {}}],
    }  # fmt: skip
    batch = call("POST", "/v1/notifications/bulk", json=bulk).headers["Location"]
    call("PUT", "/v1/recipients/u_1/devices", json={"token": "t", "platform": "ios"})
    for method, path in (
        ("GET", notification),
        ("POST", f"{notification}/cancel"),
        ("POST", f"{notification}/retry"),
        ("GET", batch),
        ("GET", f"{batch}/errors"),
        ("DELETE", "/v1/recipients/u_1/devices?token=t"),
    ):
        answer = stranger(method, path)
        assert answer.status_code == 404, (method, path)
        assert answer.json["type"].endswith("#not-found")
    assert stranger("GET", "/v1/notifications").json["items"] == []
    assert stranger("GET", "/v1/recipients/u_1/devices").json["items"] == []
    assert call("GET", notification).json["state"] == "queued", "and nothing was done to it"


def test_both_keys_work_while_they_overlap_and_then_only_the_new_one(app: Flask, database: Database) -> None:
    keys, client = Keys(database), app.test_client()
    old, new = keys.create("acme", name="old"), keys.create("acme", name="new")

    def status(key: str) -> int:
        return client.get("/v1/notifications", headers=bearer(key)).status_code

    keys.revoke(old.split("_")[1], overlap=3600)
    assert (status(old), status(new)) == (200, 200)
    keys.revoke(old.split("_")[1])
    deadline = time.monotonic() + REMEMBERED_FOR + 10
    while status(old) != 401 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (status(old), status(new)) == (401, 200)


def test_a_key_past_its_time_is_refused(app: Flask, database: Database) -> None:
    past = Keys(database).create("acme", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert app.test_client().get("/v1/notifications", headers=bearer(past)).status_code == 401


@pytest.mark.parametrize("name", ["key", "api_key", "access_token", "recipient"])
def test_a_key_in_the_address_is_refused_even_beside_a_good_one(call: Any, key: str, name: str) -> None:
    answer = call("GET", f"/v1/notifications?{name}={key}")
    assert answer.status_code == 401
    assert "logs" in answer.json["detail"]
    assert key not in answer.get_data(as_text=True)


def test_there_is_nothing_to_learn_about_addresses_without_a_key(nobody: FlaskClient) -> None:
    assert nobody.get("/v1/nothing").status_code == 401
    assert nobody.delete("/v1/notifications").status_code == 401
