"""What an Event Stream of the stand-in's app reports: https://documentation.onesignal.com/docs/event-streams.

The stream is set up as Crier's docs/channels/onesignal.md says: its body, and a secret of Crier's in a header.
"""

from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid4, uuid5

import orjson

from crier.sandbox.callbacks import Callback
from crier.sandbox.vendor import find_delivery

SECRET = uuid5(NAMESPACE_URL, "crier:sandbox:onesignal:receipts").hex
REASON = "The device token is invalid"


def report(url: str, kind: str, message: str, name: str, subscription: str) -> Callback:
    """`kind` (`sent`, `received`, `clicked`, `failed`, `unsubscribed`) of the push `message`, whose name is `name`."""
    body = {
        "event.id": str(uuid4()),
        "event.kind": f"message.push.{kind}",
        "event.timestamp": f"{datetime.now(UTC).timestamp():.0f}",
        "event.subscription_id": subscription,
        "event.data.failure_reason": REASON if kind == "failed" else "",
        "message.id": message,
        "message.name": name,
    }
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {SECRET}"}
    return Callback(
        "onesignal", url, orjson.dumps(body), headers,
        delivery=find_delivery(name), reference=message, recipient=subscription,
    )  # fmt: skip
