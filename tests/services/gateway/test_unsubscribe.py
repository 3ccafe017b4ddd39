"""One-click unsubscribe (RFC 8058): a POST works at once, a GET changes nothing, and no link can be made up."""

import re
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.gateway import create_app
from services.gateway.parts import Parts
from shared.crypto import Sealer, new_key
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.unsubscribe import Subscription, UnsubscribeLinks

PUBLIC = "https://crier.example"
ADA = "ada@example.com"
DELIVERY = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
PROMOTION = {
    "channel": "email",
    "to": {"email": ADA},
    "kind": "promotion",
    "content": {"subject": "Hi", "text": "Hello"},
}


@pytest.fixture
def secret() -> str:
    return new_key()


@pytest.fixture
def parts(database: Database, rung: Any, secret: str) -> Parts:
    return Parts.of(database, Sealer(secret), rung, public_url=PUBLIC)


@pytest.fixture
def path(database: Database, key: str, secret: str) -> str:
    """The link in a mail of project acme."""
    links = UnsubscribeLinks(PUBLIC, Sealer(secret))
    link = links.make(Subscription(Keys(database).project("acme"), "email", ADA, DELIVERY))
    assert link.startswith(f"{PUBLIC}/u/") and len(link) < 400
    assert "ada" not in link and str(DELIVERY) not in link
    return link.removeprefix(PUBLIC)


def suppressed(rows: Any) -> list[tuple[Any, ...]]:
    found = rows("SELECT channel, target, scope, reason, source, delivery_id FROM suppressions")
    return [tuple(row) for row in found]


OPTED_OUT = [("email", ADA, "promotions", "opt-out", "link", DELIVERY)]


def test_a_post_unsubscribes_at_once_however_it_is_written(nobody: FlaskClient, path: str, rows: Any) -> None:
    bodies: list[Any] = [{"data": ONE_CLICK}, {"json": ONE_CLICK}, {}]
    for body in (*bodies, {"data": ONE_CLICK, "content_type": "multipart/form-data"}):
        rows("DELETE FROM suppressions RETURNING 1")
        for _ in range(2):
            answer = nobody.post(path, **body)
            assert answer.status_code == 200
            assert "Set-Cookie" not in answer.headers
            assert suppressed(rows) == OPTED_OUT


def test_a_get_changes_nothing_and_offers_a_button(nobody: FlaskClient, path: str, rows: Any) -> None:
    answer = nobody.get(path)
    assert (answer.status_code, suppressed(rows)) == (200, [])
    assert re.search(r'<form method="post" action="\?"><button>Unsubscribe</button>', answer.text)
    assert "a•••@example.com" in answer.text and ADA not in answer.text
    assert nobody.head(path).status_code == 200
    assert suppressed(rows) == []


def test_it_can_be_taken_back(nobody: FlaskClient, path: str, rows: Any) -> None:
    assert 'action="?undo"' in nobody.post(path).text
    assert "You are unsubscribed" in nobody.get(path).text
    answer = nobody.post(f"{path}?undo")
    assert "subscribed again" in answer.text
    assert suppressed(rows) == []
    assert nobody.get(f"{path}?undo").status_code == 200


def test_but_not_what_others_know(nobody: FlaskClient, path: str, rows: Any, call: Any) -> None:
    call("POST", "/v1/suppressions", json={"channel": "email", "target": ADA})
    answer = nobody.post(path)
    assert "You are unsubscribed" in answer.text and "undo" not in answer.text
    nobody.post(f"{path}?undo")
    assert [row[3] for row in suppressed(rows)] == ["manual"]


def test_an_altered_link_is_a_clear_page(nobody: FlaskClient, path: str, rows: Any) -> None:
    token = path.removeprefix("/u/")
    another = "A" if token[-5] != "A" else "B"
    for altered in (
        token[:-1], token[:-5] + another + token[-4:], "00000000" + token[8:], token[:8], token * 20, "é" * 100, "x",
        "%F0%9F%98%80",
    ):  # fmt: skip
        for answer in (nobody.get(f"/u/{altered}"), nobody.post(f"/u/{altered}", data=ONE_CLICK)):
            assert answer.status_code == 404
            assert "This link does not work" in answer.text
    assert suppressed(rows) == []


def test_what_else_the_key_sealed_is_no_link(nobody: FlaskClient, key: str, secret: str, rows: Any) -> None:
    sealed = Sealer(secret).seal({"p": 1, "c": "email", "t": ADA, "d": "AYkKXayWd0u8zrMCCZqAVw=="})
    token = sealed.key_id + sealed.ciphertext.decode().rstrip("=")
    assert nobody.post(f"/u/{token}").status_code == 404
    assert suppressed(rows) == []


def test_links_outlive_a_new_key_in_front(database: Database, rung: Any, path: str, secret: str, rows: Any) -> None:
    rotated = Sealer(f"{new_key()},{secret}")
    client = create_app(Parts.of(database, rotated, rung, public_url=PUBLIC)).test_client()
    assert client.post(path).status_code == 200
    assert suppressed(rows) == OPTED_OUT


def test_the_page_runs_nothing_and_leaks_nothing(nobody: FlaskClient, path: str) -> None:
    for answer in (nobody.get(path), nobody.post(path), nobody.get("/u/x")):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        nonce = re.search(r"'nonce-([\w-]+)'", policy)
        assert nonce and f'<style nonce="{nonce[1]}">' in answer.text
        assert "<script" not in answer.text and " style=" not in answer.text
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"


def test_it_shows_the_projects_name_and_nothing_of_it_is_markup(
    app: Flask, nobody: FlaskClient, path: str, parts: Parts, database: Database
) -> None:
    project_id = Keys(database).project("acme")
    parts.identities.change(project_id, {"brand": {"name": "<b>Shop</b> & Co", "accent": "#0a7d5a"}})
    page = nobody.get(path).text
    assert "&lt;b&gt;Shop&lt;/b&gt; &amp; Co" in page and "<b>Shop" not in page
    assert "--accent: #0a7d5a" in page


def test_without_a_ledger_it_says_to_come_back(rung: Any, path: str, secret: str) -> None:
    nowhere = Database("postgresql://crier@127.0.0.1:1/crier", deadline=1.0)
    client = create_app(Parts.of(nowhere, Sealer(secret), rung, public_url=PUBLIC)).test_client()
    answer = client.post(path, data=ONE_CLICK)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "try again later" in answer.text


def test_a_promotion_needs_no_link_of_its_own_where_we_make_one(
    database: Database, rung: Any, key: str, secret: str
) -> None:
    for public_url, status in ((PUBLIC, 202), ("http://crier.example", 422), (None, 422)):
        client = create_app(Parts.of(database, Sealer(secret), rung, public_url=public_url)).test_client()
        answer = client.post("/v1/notifications", json=PROMOTION, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == status
        if status == 422:
            assert answer.json["errors"][0]["field"] == "to.unsubscribe_url"
            assert "CRIER_PUBLIC_URL" in answer.json["errors"][0]["problem"]
