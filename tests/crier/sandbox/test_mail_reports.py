"""What the mail vendors' stand-ins report: signed as Crier verifies it, and what their magic mailboxes promise."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import pytest
import requests
from requests.structures import CaseInsensitiveDict

from crier.sandbox import Sandbox
from crier.sandbox.magic_mailboxes import STORIES
from services.email.providers import VENDORS
from shared.messages.email import EmailContent, EmailMessage
from shared.providers.port import Sent
from shared.receipts.mailgun import MailgunReceipts, MailgunReceiptSettings
from shared.receipts.port import Incoming, Kind, Receipt, Source
from shared.receipts.sendgrid import SendGridReceipts, SendGridReceiptSettings
from shared.receipts.ses import SesReceipts, SesReceiptSettings
from shared.settings import load_one
from tests.crier.sandbox.clients import DELIVERY, wait_for
from tests.crier.sandbox.receiver import Received, Receiver

SOURCES: Mapping[str, tuple[type[Any], Callable[[Any], Source]]] = {
    "sendgrid": (SendGridReceiptSettings, SendGridReceipts),
    "mailgun": (MailgunReceiptSettings, MailgunReceipts),
    "ses": (SesReceiptSettings, SesReceipts),
}
MEANT: Mapping[str, tuple[tuple[Kind, str | None], ...]] = {
    "ada": ((Kind.ACCEPTED, None), (Kind.DELIVERED, None)),
    "bounce": ((Kind.ACCEPTED, None), (Kind.UNDELIVERED, "bounce")),
    "full": ((Kind.ACCEPTED, None), (Kind.DELAYED, None), (Kind.BOUNCED_FOR_NOW, None)),
    "late": ((Kind.ACCEPTED, None), (Kind.DELAYED, None), (Kind.DELIVERED, None)),
    "suppressed": ((Kind.ACCEPTED, None), (Kind.UNDELIVERED, "bounce")),
    "complain": ((Kind.ACCEPTED, None), (Kind.DELIVERED, None), (Kind.COMPLAINED, "complaint")),
    "unsubscribe": ((Kind.ACCEPTED, None), (Kind.DELIVERED, None), (Kind.UNSUBSCRIBED, "opt-out")),
}


@pytest.fixture(params=SOURCES)
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(sandbox: Sandbox, vendor: str) -> Source:
    """Crier's side, set up as the stand-in says."""
    settings, build = SOURCES[vendor]
    return build(load_one(settings, sandbox.environment))


@pytest.fixture
def reporting(sandbox: Sandbox, receiver: Receiver) -> Receiver:
    """A receiver the stand-ins report to."""
    sandbox.callbacks(to=receiver.url)
    return receiver


def send(sandbox: Sandbox, vendor: str, to: str, cc: tuple[str, ...] = ()) -> Sent:
    async def main() -> Sent:
        provider = VENDORS[vendor].build(load_one(VENDORS[vendor].settings, sandbox.environment))
        try:
            return await provider.send(EmailMessage(UUID(DELIVERY), to, EmailContent("Hello", "Hello Ada", cc=cc)))
        finally:
            await provider.close()

    return asyncio.run(main())


def receipts(source: Source, *calls: Received) -> list[Receipt]:
    """What Crier makes of the calls."""
    found = []
    for call in calls:
        incoming = Incoming(call.url, CaseInsensitiveDict(call.headers), call.body, time.time())
        found += [receipt for event in source.events(incoming) if (receipt := source.read(event.body))]
    return found


def heard(sandbox: Sandbox, receiver: Receiver, calls: int) -> list[Received]:
    wait_for(lambda: len(receiver.calls) >= calls and not sandbox.callbacks_shown()["pending"])
    return receiver.calls


@pytest.mark.parametrize("name", MEANT)
def test_a_mailbox_keeps_what_its_name_promises(
    sandbox: Sandbox, vendor: str, source: Source, reporting: Receiver, name: str
) -> None:
    sent = send(sandbox, vendor, f"{name}@example.com")
    calls = heard(sandbox, reporting, len(MEANT[name]))
    assert {call.url for call in calls} == {f"{reporting.url}/v1/receipts/{vendor}"}
    found = receipts(source, *calls)
    assert tuple((receipt.kind, receipt.suppress) for receipt in found) == MEANT[name]
    for receipt in found:
        assert (receipt.delivery_id, receipt.reference) == (UUID(DELIVERY), sent.reference)
        assert receipt.target == f"{name}@example.com"
        assert receipt.occurred_at is not None


def test_every_magic_mailbox_is_tested() -> None:
    assert STORIES.keys() == MEANT.keys() - {"ada"}


def test_something_after_a_plus_changes_nothing(
    sandbox: Sandbox, vendor: str, source: Source, reporting: Receiver
) -> None:
    send(sandbox, vendor, "Bounce+7@example.com")
    assert receipts(source, *heard(sandbox, reporting, 2))[-1].kind == Kind.UNDELIVERED


def test_each_copy_has_its_own_end(sandbox: Sandbox, vendor: str, source: Source, reporting: Receiver) -> None:
    send(sandbox, vendor, "ada@example.com", cc=("bounce@example.com", "bounce+2@example.com"))
    calls = heard(sandbox, reporting, {"sendgrid": 2, "mailgun": 6, "ses": 3}[vendor])
    ends = {receipt.target: receipt.kind for receipt in receipts(source, *calls) if receipt.kind != Kind.ACCEPTED}
    assert ends == {
        "ada@example.com": Kind.DELIVERED,
        "bounce@example.com": Kind.UNDELIVERED,
        "bounce+2@example.com": Kind.UNDELIVERED,
    }


def test_without_an_address_nothing_is_reported(sandbox: Sandbox, vendor: str) -> None:
    send(sandbox, vendor, "ada@example.com")
    assert sandbox.callbacks_shown()["pending"] == 0
    assert [entry.vendor for entry in sandbox.calls()] == [vendor]


@pytest.mark.parametrize("by", ["reference", "delivery"])
def test_something_can_happen_later(
    sandbox: Sandbox, vendor: str, source: Source, reporting: Receiver, by: str
) -> None:
    sent = send(sandbox, vendor, "ada@example.com")
    before = len(heard(sandbox, reporting, 2))
    sandbox.simulate(vendor, "complained", message=str(sent.reference) if by == "reference" else DELIVERY)
    [complaint] = receipts(source, *heard(sandbox, reporting, before + 1)[before:])
    assert (complaint.kind, complaint.target) == (Kind.COMPLAINED, "ada@example.com")


def test_every_step_is_understood(sandbox: Sandbox, vendor: str, source: Source, reporting: Receiver) -> None:
    sent = send(sandbox, vendor, "ada@example.com")
    before = len(heard(sandbox, reporting, 2))
    steps = [step for step in sandbox.vendors[vendor].events if step != "subscribe"]
    for step in steps:
        sandbox.simulate(vendor, step, message=str(sent.reference))
    found = receipts(source, *heard(sandbox, reporting, before + len(steps))[before:])
    assert len(found) == len(steps)
    assert {Kind.OPENED, Kind.CLICKED, Kind.UNSUBSCRIBED} <= {receipt.kind for receipt in found}


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ({}, "message"),
        ({"message": "another"}, "message"),
        ({"message": DELIVERY, "recipient": "bo@example.com"}, "recip"),
    ],
)
def test_what_cannot_happen_is_said(
    sandbox: Sandbox, vendor: str, reporting: Receiver, details: Mapping[str, str], why: str
) -> None:
    send(sandbox, vendor, "ada@example.com")
    with pytest.raises(ValueError, match=why):
        sandbox.simulate(vendor, "opened", **details)


def test_a_subscription_is_asked_for_and_confirmed(sandbox: Sandbox, reporting: Receiver) -> None:
    source = SesReceipts(load_one(SesReceiptSettings, sandbox.environment))
    sandbox.simulate("ses", "subscribe")
    assert receipts(source, *heard(sandbox, reporting, 1)) == []
    stages = [(entry.action, entry.answered["status"]) for entry in sandbox.calls("ses")]
    assert stages == [("certificate", 200), ("subscribe", 200)]


def test_sns_confirms_and_shows_nothing_else(sandbox: Sandbox) -> None:
    sns = sandbox.environment["SES_SNS_ENDPOINT_URL"]
    assert requests.get(f"{sns}/SimpleNotificationService-0.pem", timeout=10).status_code == 404
    assert requests.get(f"{sns}/?Action=Unsubscribe", timeout=10).status_code == 400
