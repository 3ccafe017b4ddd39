"""OneSignal's Event Streams about pushes: https://documentation.onesignal.com/docs/event-streams.

A stream is an HTTP request that one writes oneself in OneSignal (Data, Event Streams), a request an event. OneSignal
signs nothing. So the request carries a secret of ours as `Authorization: Bearer …`, and its body is

    {
      "event.id": "{{ event.id }}",
      "event.kind": "{{ event.kind }}",
      "event.timestamp": "{{ event.timestamp }}",
      "event.subscription_id": "{{ event.subscription_id }}",
      "event.data.failure_reason": "{{ event.data.failure_reason }}",
      "message.id": "{{ message.id }}",
      "message.name": "{{ message.name }}"
    }

with the names that OneSignal gives its data: https://documentation.onesignal.com/docs/event-streams-data. More of them
do no harm. `message.id` is our reference. `message.name` is the name that we gave the push: the delivery's id, and for
a segment `segment/` before it. A segment's subscriptions report each by itself, so all that is taken from them is that
OneSignal has the message.

OneSignal wants a 2xx. It repeats what fails a few times, and turns a stream off that keeps failing.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from shared.errors import InvalidInput
from shared.receipts.fields import delivery_id, moment, text
from shared.receipts.meaning import Meaning
from shared.receipts.port import Event, Forged, Incoming, Kind, Receipt
from shared.settings import setting

SEGMENT = "segment/"
"""In front of our id in the name of a push to a segment."""
SHORTEST_SECRET = 20

KINDS: Mapping[str, Meaning] = {
    "message.push.sent": Meaning(Kind.ACCEPTED),
    "message.push.received": Meaning(Kind.DELIVERED),
    "message.push.clicked": Meaning(Kind.CLICKED),
    "message.push.failed": Meaning(Kind.UNDELIVERED),
    "message.push.unsubscribed": Meaning(Kind.UNSUBSCRIBED, "invalid"),
}
"""`sent`: Google, Apple or the browser's vendor took it. `received`: with Confirmed Delivery only
(https://documentation.onesignal.com/docs/confirmed-delivery).

An unsubscribed device is forgotten as one that is gone, until the app registers it again. It is no opt-out: when
somebody switches notifications on again, no event takes that back.
"""


def _long(value: str) -> str | None:
    if len(value) >= SHORTEST_SECRET and value.isascii() and value.isprintable():
        return None
    return f"must have at least {SHORTEST_SECRET} characters, ASCII only. `openssl rand -hex 24` makes one."


@dataclass(frozen=True)
class OneSignalReceiptSettings:
    """How OneSignal's events are told from others."""

    secret: str = setting(
        "ONESIGNAL_RECEIPTS_SECRET",
        "A secret of your own, which the Event Stream sends as `Authorization: Bearer …`.",
        secret=True, check=_long,
    )  # fmt: skip


class OneSignalReceipts:
    """Verifies and reads events."""

    name = "onesignal"
    channels = ("push",)

    def __init__(self, settings: OneSignalReceiptSettings) -> None:
        self._expected = f"Bearer {settings.secret}".encode()

    def events(self, incoming: Incoming) -> Sequence[Event]:
        """The event of a call; as `Source.events`."""
        given = incoming.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(errors="replace"), self._expected):
            raise Forged("Authorization is not the secret" if given else "Authorization is missing")
        try:
            body = orjson.loads(incoming.body)
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            raise InvalidInput({"body": ["must be a JSON object. docs/channels/onesignal.md has it."]})
        missing = [name for name in ("event.id", "event.kind") if not text(body.get(name))]
        missing += ["message.id"] if "message.id" not in body else []
        if missing:
            raise InvalidInput({name: ["is missing. docs/channels/onesignal.md has the body."] for name in missing})
        return [Event(text(body["event.id"]), body)]

    def read(self, body: Mapping[str, Any]) -> Receipt | None:
        """What an event means; as `Source.read`."""
        meaning = KINDS.get(text(body.get("event.kind")))
        name = text(body.get("message.name"))
        if meaning is None or (name.startswith(SEGMENT) and meaning.kind is not Kind.ACCEPTED):
            return None
        return Receipt(
            meaning.kind,
            occurred_at=moment(body.get("event.timestamp")),
            delivery_id=delivery_id(name.removeprefix(SEGMENT)),
            reference=text(body.get("message.id")) or None,
            target=text(body.get("event.subscription_id")) or None,
            detail=text(body.get("event.data.failure_reason")),
            suppress=meaning.suppress,
        )
