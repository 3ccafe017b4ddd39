"""OneSignal."""

import json

from crier.sandbox import Entry
from services.push.providers import VENDORS
from tests.contracts.case import CANARY, DEAD, FAULT, REFUSED, UNKNOWN, Case, Received, after, push


def _read_onesignal(entry: Entry) -> Received:
    body = json.loads(entry.received["body"])
    assert body["data"]["text"] == body["contents"]["en"]
    assert body["ttl"] == 3600
    [subscription] = body["include_subscription_ids"]
    return Received(subscription, body["contents"]["en"])


CASE = Case(
    name="onesignal",
    vendor=VENDORS["onesignal"],
    message=push,
    read=_read_onesignal,
    target="1dd608f2-c6a1-4e3a-851d-000c2940e62c",
    elsewhere=lambda settings, host, port: {**settings, "ONESIGNAL_BASE_URL": f"http://{host}:{port}"},
    wrong_login=lambda settings, _: {**settings, "ONESIGNAL_API_KEY": CANARY},
    secrets=lambda settings: [settings["ONESIGNAL_API_KEY"], CANARY],
    refusals={
        "not-subscribed": DEAD, "invalid-player-ids": DEAD, "bad-request": REFUSED, "access-denied": FAULT,
        "not-found": FAULT, "rate-limited": after(60), "server-error": UNKNOWN, "unavailable": UNKNOWN,
    },
)  # fmt: skip
