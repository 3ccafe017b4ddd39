"""`crier outbox`, against a real gateway and ledger."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from crier.client import Client as Api
from shared.messages.email import EmailContent, EmailMessage
from shared.messages.sms import SmsContent, SmsMessage
from shared.providers.outbox import Outbox
from tests.crier.cli.conftest import Client
from tests.e2e.conftest import System

HTML = "<html><head></head><body><p>Your table</p><script>alert(1)</script></body></html>"


@pytest.fixture
def kept(typed: Client, served: System) -> dict[str, str]:
    """The deliveries of a mail and an SMS that the outbox holds."""
    api = Api(typed.environment["CRIER_URL"], typed.key)
    later = datetime.now(UTC) + timedelta(hours=1)
    to = {"email": "ada@example.com", "phone": "+447700900188"}
    mail = api.send(channel="email", to=to, content={"subject": "Hi", "html": HTML}, send_at=later)["id"]
    sms = api.send(channel="sms", to=to, content={"body": "Your table"}, send_at=later)["id"]
    deliveries = {name: api.get(one)["deliveries"][0]["id"] for name, one in (("email", mail), ("sms", sms))}
    messages = {
        "email": EmailMessage(UUID(deliveries["email"]), to["email"], EmailContent("Hi", html=HTML)),
        "sms": SmsMessage(UUID(deliveries["sms"]), to["phone"], SmsContent("Your \x1b[31mtable")),
    }
    for channel, message in messages.items():
        asyncio.run(Outbox(channel, served.runtime.database, served.runtime.sealer).send(message))
    return deliveries


def test_what_was_kept_is_listed_and_shown(typed: Client, kept: dict[str, str]):
    listed = typed.run("outbox", "list").stdout
    assert kept["email"] in listed
    assert "+447700900188" in listed
    (newest,) = typed.json("outbox", "list", "--channel", "sms", "--limit", "1")
    assert newest["delivery_id"] == kept["sms"]
    shown = typed.run("outbox", "show", kept["sms"]).stdout
    assert "sms: 1 segment" in shown
    assert "\x1b" not in shown
    found = typed.json("outbox", "show", kept["sms"])
    assert found["message"]["to"] == "+447700900188"
    assert typed.json("outbox", "show", found["notification_id"]) == found


def test_it_can_be_had_as_a_page(typed: Client, kept: dict[str, str], tmp_path: Path):
    out = tmp_path / "new" / "mail.html"
    made = typed.run("outbox", "show", kept["email"], "--out", str(out))
    assert (made.returncode, made.stdout.strip()) == (0, str(out)), made.stderr
    page = out.read_text()
    assert "Your table" in page
    assert "<script" not in page


def test_what_was_not_kept_is_said_so(typed: Client):
    refused = typed.run("outbox", "show", "0198c0de-0000-7000-8000-000000000000")
    assert refused.returncode == 1
    assert "The outbox has no delivery 0198c0de" in refused.stderr
