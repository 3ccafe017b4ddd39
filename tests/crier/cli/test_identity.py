"""`crier identity` against a real gateway."""

from typing import Any

import pytest

from crier.cli.identity import FIELDS
from services.gateway.sender_identity import EmailIdentitySchema, SmsIdentitySchema
from shared.ledger.keys import Keys
from shared.senders.identity import BRAND_FIELDS
from tests.crier.cli.conftest import Client
from tests.e2e.conftest import System

SHOP = ("--email-from", "hello@shop.example", "--email-name", "The Shop", "--accent", "#0a7d5a")


@pytest.fixture
def admin(typed: Client, served: System, request: pytest.FixtureRequest) -> Client:
    """`crier` with a key that may do everything, of a project of this test alone."""
    project = request.node.name[:60]
    return Client(typed.home, typed.port, Keys(served.runtime.database).create(project, scopes=("read", "admin")))


def test_set_changes_only_what_is_given(admin: Client):
    assert admin.run("identity", "set", *SHOP).returncode == 0
    assert admin.run("identity", "set", "--reply-to", "help@shop.example", "--accent", "#112233").returncode == 0
    assert admin.json("identity", "show") == {
        "email": {"from": "hello@shop.example", "name": "The Shop", "reply_to": "help@shop.example"},
        "brand": {"accent": "#112233"},
    }


def test_each_country_has_its_sender(admin: Client):
    admin.run("identity", "set", "--sms-sender", "GB=Shop", "--sms-sender", "*=+447700900000")
    assert admin.json("identity", "set", "--sms-sender", "FR=Boutique") == {
        "sms": {"senders": {"GB": "Shop", "*": "+447700900000", "FR": "Boutique"}}
    }
    assert admin.json("identity", "clear", "sms-sender=GB") == {
        "sms": {"senders": {"*": "+447700900000", "FR": "Boutique"}}
    }
    assert admin.json("identity", "clear", "sms-sender") == {}


def test_clear_returns_fields_or_all_of_it_to_the_installation(admin: Client):
    admin.run("identity", "set", *SHOP)
    assert admin.json("identity", "clear", "email-from", "accent") == {"email": {"name": "The Shop"}}
    cleared = admin.run("identity", "clear")
    assert (cleared.returncode, admin.json("identity", "show")) == (0, {})
    assert "everything is the installation's" in cleared.stdout


def test_it_is_shown_by_the_names_of_the_options(admin: Client):
    shown = admin.run("identity", "set", *SHOP, "--sms-sender", "GB=Shop").stdout
    assert [line.strip().split(maxsplit=1) for line in shown.splitlines()] == [
        ["email-from", "hello@shop.example"],
        ["email-name", "The Shop"],
        ["sms-sender", "GB  Shop"],
        ["accent", "#0a7d5a"],
    ]
    assert admin.run("identity", "show").stdout == shown


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["set"], 2, "Say what to change"),
        (["set", "--sms-sender", "Shop"], 2, "--sms-sender: write COUNTRY=SENDER"),
        (["set", "--email-from", "nobody"], 1, "--email-from: Not a valid e-mail address"),
        (["set", "--accent", "green"], 1, "--accent: Must be a colour such as #1f6feb."),
        (["set", "--website", "shop.example"], 1, "--website: Must be an absolute https address."),
        (["clear", "colour"], 2, "There is no colour; there are email-from, "),
        (["clear", "accent=GB"], 2, "There is no accent=GB"),
    ],
)
def test_mistakes_name_the_option(admin: Client, arguments: list[str], code: int, said: str):
    refused = admin.run("identity", *arguments)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert said in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.stderr
    assert admin.json("identity", "show") == {}


def test_it_takes_an_admins_key(typed: Client):
    refused = typed.run("identity", "set", *SHOP)
    assert refused.returncode == 1
    assert "This needs a key with the scope admin" in refused.stderr


def test_every_field_has_its_option():
    mail: dict[str, Any] = EmailIdentitySchema().fields
    documented = {f"email.{field.data_key or name}" for name, field in mail.items()}
    documented |= {f"sms.{name}" for name in SmsIdentitySchema().fields} | {f"brand.{name}" for name in BRAND_FIELDS}
    assert {path for _, path, _ in FIELDS} == documented
