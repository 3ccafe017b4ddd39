"""What becomes of a project's notifications is told to its endpoints, signed; one that is gone is told no more."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from crier.demo.singles import WAITING, Script, Singles
from crier.sandbox.webhook import WebhookReceiver

PROMISE = "webhooks"
MAIL = {"subject": "Your order", "text": "It is on its way.\n"}


def webhooks(send: Singles) -> Script:
    """A project of its own with two endpoints, one of which answers 410."""
    client, receiver = send.stage.project("shop"), cast(WebhookReceiver, send.sandbox.vendors["webhook"])
    send.sandbox.behave("webhook", recipient="gone", error="gone")
    shop = client.webhooks.create(receiver.url("shop"), events=["notification.*"])
    gone = client.webhooks.create(receiver.url("gone"), events=["notification.*"])
    receiver.learn("shop", shop["secret"])
    mail: dict[str, Any] = {"channel": "email", "content": MAIL, "client": client}
    later = datetime.now(UTC) + timedelta(minutes=5)
    sent = send.send(PROMISE, "is sent", to={"email": "ada@shop.example"}, **mail)["id"]
    failed = send.send(
        PROMISE, "fails", to={"email": "reject+554-5.7.1@shop.example"}, state="failed", refused=1, **mail
    )["id"]  # fmt: skip
    cancelled = send.send(
        PROMISE, "is cancelled", to={"email": "eve@shop.example"}, state="cancelled", send_at=later, **mail
    )["id"]  # fmt: skip
    client.cancel(cancelled)
    wanted = Counter({("sent", sent): 1, ("failed", failed): 1, ("cancelled", cancelled): 1})
    yield from send.ended([sent, failed, cancelled])
    while not client.webhooks.get(gone["id"])["disabled_at"]:
        yield WAITING
    while _told(send, "shop").total() < wanted.total():
        yield WAITING
    told = _told(send, "shop")
    send.promise(told == wanted, PROMISE, f"what was told is {dict(told)}")
    send.promise(not _told(send, "gone"), PROMISE, "one that is gone took something")
    send.tell(PROMISE, f"{told.total()} events, verified by standardwebhooks; the endpoint that answered 410 is off")


def _told(send: Singles, name: str) -> Counter[tuple[str, str]]:
    """What an endpoint has taken, whose signature was right: the state, and the notification."""
    bodies = [
        json.loads(call.received["body"])
        for call in send.sandbox.calls("webhook", recipient=name)
        if call.accepted and call.action == "send"
    ]
    return Counter((body["type"].removeprefix("notification."), body["data"]["id"]) for body in bodies)
