"""OneSignal."""

import json

from crier.sandbox import Entry
from services.push.providers import VENDORS
from services.push.providers.onesignal_codes import OUTCOMES, row_of
from tests.contracts.case import CANARY, DEAD, FAULT, LATER, REFUSED, UNKNOWN, Case, Received, after, answered, push


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
        "not-subscribed": DEAD, "invalid-player-ids": DEAD, "invalid-aliases": REFUSED,
        "bad-request": REFUSED, "access-denied": FAULT,
        "not-found": FAULT, "rate-limited": after(60), "server-error": UNKNOWN, "unavailable": LATER,
    },
    # What its Event Stream reports afterwards.
    not_refusals=frozenset(("failed-later", "unsubscribed-later")),
    table=OUTCOMES,
    row_of=lambda entry: row_of(answered(entry), entry.recipient),
)  # fmt: skip
