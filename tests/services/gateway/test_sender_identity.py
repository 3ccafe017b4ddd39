"""`/v1/identity` over a real ledger."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from services.gateway import create_app
from services.gateway.parts import Parts
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.senders.allowed import AllowedSenders
from tests.services.gateway.conftest import Caller

IDENTITY = {
    "email": {"from": "hello@shop.example", "name": "The Shop", "reply_to": "help@shop.example"},
    "sms": {"senders": {"GB": "Shop", "*": "+447700900000"}},
    "brand": {"name": "The Shop", "accent": "#0a7d5a"},
}


@pytest.fixture
def owner(app: Flask, database: Database) -> Caller:
    """Calls as project acme, with every scope."""
    return Caller(app.test_client(), Keys(database).create("acme", scopes=("send", "read", "admin")))


def problems(answer: Any) -> dict[str, str]:
    return {error["field"]: error["problem"] for error in answer.json["errors"]}


@pytest.mark.usefixtures("catalogue")
def test_a_projects_language_is_that_of_whoever_said_none(owner: Caller) -> None:
    refused = owner("PUT", "/v1/identity", json={"brand": {"locale": "xx"}})
    assert problems(refused) == {"brand": "locale: Must be a language tag such as de or pt-BR."}
    assert owner("PUT", "/v1/identity", json={"brand": {"locale": "de-AT"}}).status_code == 200
    made = owner("POST", "/v1/templates/one_time_code/preview", json={}).json
    assert made["locales"] == {"email": "de", "sms": "de"}
    asked = owner("POST", "/v1/templates/one_time_code/preview", json={"locale": "en"}).json
    assert asked["locales"] == {"email": "en", "sms": "en"}


def test_a_project_has_said_nothing_at_first(owner: Caller) -> None:
    assert owner("GET", "/v1/identity").json == {}


def test_what_a_project_says_of_itself_is_its_own(owner: Caller, stranger: Caller) -> None:
    assert owner("PUT", "/v1/identity", json=IDENTITY).json == IDENTITY
    assert owner("GET", "/v1/identity").json == IDENTITY
    assert stranger("GET", "/v1/identity").json == {}


def test_an_empty_object_goes_back_to_the_installations(owner: Caller) -> None:
    owner("PUT", "/v1/identity", json=IDENTITY)
    assert owner("PUT", "/v1/identity", json={}).status_code == 200
    assert owner("GET", "/v1/identity").json == {}


def test_it_takes_an_admins_key(call: Caller) -> None:
    assert call("PUT", "/v1/identity", json=IDENTITY).status_code == 403
    assert call("GET", "/v1/identity").status_code == 200


def test_every_mistake_is_named_by_its_field(owner: Caller) -> None:
    wrong = {
        "email": {"from": "nobody", "name": "A\r\nBcc: b@example.com", "fron": "x"},
        "brand": {"accent": "green", "colour": "#000000"},
        "smss": {},
    }
    answer = owner("PUT", "/v1/identity", json=wrong)
    assert answer.status_code == 422
    found = problems(answer)
    assert set(found) == {"email.from", "email.name", "email.fron", "brand", "smss"}
    assert found["email.fron"].endswith("Did you mean from?")
    assert "colour" in found["brand"]


def test_a_colour_that_is_none_is_refused(owner: Caller) -> None:
    answer = owner("PUT", "/v1/identity", json={"brand": {"accent": "green"}})
    assert problems(answer) == {"brand": "accent: Must be a colour such as #1f6feb."}


def test_a_sender_of_a_domain_that_is_not_allowed_is_refused(parts: Parts, database: Database) -> None:
    app = create_app(replace(parts, allowed_senders=AllowedSenders(("shop.example",))))
    owner = Caller(app.test_client(), Keys(database).create("acme", scopes=("admin",)))
    assert owner("PUT", "/v1/identity", json=IDENTITY).status_code == 200
    refused = owner("PUT", "/v1/identity", json={"email": {"from": "ceo@bank.example"}})
    assert "CRIER_EMAIL_SENDER_DOMAINS" in problems(refused)["email.from"]


def test_previews_show_the_projects_brand(owner: Caller, catalogue: None) -> None:
    owner("PUT", "/v1/identity", json=IDENTITY)
    shown = owner("POST", "/v1/templates/one_time_code/preview", json={}).json["content"]
    assert "The Shop" in shown["sms"]["body"]
    assert "#0a7d5a" in owner("POST", "/v1/templates/welcome/preview", json={}).json["content"]["email"]["html"]


@pytest.mark.parametrize("senders", [{"UK": "Shop"}, {"US": "Shop"}, {"GB": "A name that is too long"}, {"GB": 1}])
def test_an_sms_sender_that_networks_do_not_carry_is_refused(owner: Caller, senders: dict[str, Any]) -> None:
    answer = owner("PUT", "/v1/identity", json={"sms": {"senders": senders}})
    assert set(problems(answer)) == {"sms.senders"}
