"""The Event Stream of the OneSignal stand-in, as the gateway would take it."""

from typing import Any

import pytest
import requests

from crier.sandbox import Sandbox
from shared.receipts.onesignal import OneSignalReceipts, OneSignalReceiptSettings
from shared.receipts.port import Kind, Receipt
from shared.settings import load_one
from tests.crier.sandbox.clients import DELIVERY, wait_for
from tests.crier.sandbox.receiver import Receiver

SUBSCRIPTION = "1dd608f2-c6a1-4e3a-851d-000c2940e62c"
MAGIC = "00000000-0000-4000-8000-000000000"


def send(sandbox: Sandbox, **fields: Any) -> str:
    settings = sandbox.environment
    body = {"app_id": settings["ONESIGNAL_APP_ID"], "contents": {"en": "Body"}, "name": DELIVERY} | fields
    headers = {"Authorization": f"Key {settings['ONESIGNAL_API_KEY']}"}
    answer = requests.post(f"{settings['ONESIGNAL_BASE_URL']}/notifications", json=body, headers=headers, timeout=10)
    return str(answer.json()["id"])


def read(sandbox: Sandbox, receiver: Receiver, count: int) -> list[Receipt]:
    """What the calls mean, when there are `count` of them."""
    wait_for(lambda: len(receiver.calls) >= count)
    source = OneSignalReceipts(load_one(OneSignalReceiptSettings, sandbox.environment))
    found = [source.read(event.body) for call in receiver.calls for event in source.events(call.incoming)]
    assert len({call.url for call in receiver.calls}) == 1
    return [receipt for receipt in found if receipt is not None]


def test_a_push_is_sent_and_received(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.callbacks(to=receiver.url)
    reference = send(sandbox, include_subscription_ids=[SUBSCRIPTION])
    receipts = read(sandbox, receiver, 2)
    assert [receipt.kind for receipt in receipts] == [Kind.ACCEPTED, Kind.DELIVERED]
    said = {(str(receipt.delivery_id), receipt.reference, receipt.target) for receipt in receipts}
    assert said == {(DELIVERY, reference, SUBSCRIPTION)}
    assert receiver.calls[0].url == f"{receiver.url}/v1/receipts/onesignal"


@pytest.mark.parametrize(("number", "kind"), [("303", Kind.UNDELIVERED), ("305", Kind.UNSUBSCRIBED)])
def test_one_that_fails_later(sandbox: Sandbox, receiver: Receiver, number: str, kind: Kind) -> None:
    sandbox.callbacks(to=receiver.url)
    assert send(sandbox, include_subscription_ids=[MAGIC + number])
    assert [receipt.kind for receipt in read(sandbox, receiver, 1)] == [kind]


def test_a_segments_subscriptions_report_each_by_itself(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.callbacks(to=receiver.url)
    send(sandbox, included_segments=["line-12"], target_channel="push", name=f"segment/{DELIVERY}")
    receipts = read(sandbox, receiver, 4)
    assert [receipt.kind for receipt in receipts] == [Kind.ACCEPTED] * 2
    assert {str(receipt.delivery_id) for receipt in receipts} == {DELIVERY}


def test_a_push_is_tapped(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.callbacks(to=receiver.url)
    sandbox.simulate("onesignal", "clicked", message="m-1", name=DELIVERY)
    [receipt] = read(sandbox, receiver, 1)
    assert (receipt.kind, str(receipt.delivery_id), receipt.reference) == (Kind.CLICKED, DELIVERY, "m-1")


def test_a_repetition_is_not_reported_again(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.callbacks(to=receiver.url, early=True)
    first = send(sandbox, include_subscription_ids=[SUBSCRIPTION], idempotency_key=DELIVERY)
    assert send(sandbox, include_subscription_ids=[SUBSCRIPTION], idempotency_key=DELIVERY) == first
    assert len(receiver.calls) == 2


def test_nobody_is_told_unless_it_was_said_who(sandbox: Sandbox) -> None:
    send(sandbox, include_subscription_ids=[SUBSCRIPTION])
    assert sandbox.callbacks_shown()["pending"] == 0
    with pytest.raises(ValueError, match="details: message is needed"):
        sandbox.simulate("onesignal", "clicked", message="m-1")
