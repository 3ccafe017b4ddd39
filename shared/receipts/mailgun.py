"""Mailgun's webhooks: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads.

A call is JSON with one event and a signature: HMAC-SHA256 over a time and a token
(https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks). The event itself is *not*
signed: whoever has seen a call could send another event under its signature for as long as the time is fresh. So
Mailgun advises to take a token once. The same call twice is caught by the id of the event, in the ledger and for good;
here, a token is bound to the body it first came with, for as long as it is fresh. That is per process and a second line
of defence: who could see calls has broken TLS already.

Our id comes back among `user-variables`. Mailgun reports recipient by recipient; copies (cc, bcc) have the same id.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Any

import orjson
from cachetools import TTLCache

from shared.errors import InvalidInput
from shared.receipts.fields import FRESH, delivery_id, fingerprint, moment, seconds, section, text
from shared.receipts.meaning import Meaning
from shared.receipts.port import Event, Forged, Incoming, Kind, Receipt
from shared.settings import setting

DELIVERY_ID = "crier_id"
_TOKENS = 100_000
"""How many are remembered: what 160 calls a second bring while one is fresh, early or late."""

EVENTS: Mapping[str, Meaning] = {
    "accepted": Meaning(Kind.ACCEPTED),
    "delivered": Meaning(Kind.DELIVERED),
    "opened": Meaning(Kind.OPENED),
    "clicked": Meaning(Kind.CLICKED),
    "unsubscribed": Meaning(Kind.UNSUBSCRIBED, "opt-out"),
    "complained": Meaning(Kind.COMPLAINED, "complaint"),
    # Mailgun would not send it: a virus, an account that may not.
    "rejected": Meaning(Kind.UNDELIVERED),
}
"""Events that mean one thing: https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-types."""

FAILURES: Mapping[str, Meaning] = {
    "bounce": Meaning(Kind.UNDELIVERED, "bounce"),
    "delayed-bounce": Meaning(Kind.UNDELIVERED, "bounce"),
    "suppress-bounce": Meaning(Kind.UNDELIVERED, "bounce"),
    "suppress-unsubscribe": Meaning(Kind.UNDELIVERED, "opt-out"),
    "suppress-complaint": Meaning(Kind.UNDELIVERED, "complaint"),
    "old": Meaning(Kind.BOUNCED_FOR_NOW),
    "greylisted": Meaning(Kind.BOUNCED_FOR_NOW),
    "espblock": Meaning(Kind.UNDELIVERED),
    "generic": Meaning(Kind.UNDELIVERED),
}
"""`failed` for good, by `reason`. With `severity` temporary Mailgun goes on trying, and ends with `old` after 8 hours.
The page above shows `bounce`, `generic` and `suppress-bounce`; the statistics of
https://documentation.mailgun.com/en/latest/api-stats.html list the others that suppress, and `espblock`. Another reason
suppresses nobody."""


@dataclass(frozen=True)
class MailgunReceiptSettings:
    """How Mailgun's events are told from others."""

    signing_key: str = setting(
        "MAILGUN_WEBHOOK_SIGNING_KEY", "The account's HTTP webhook signing key; not an API key.", secret=True
    )


class MailgunReceipts:
    """Verifies and reads events."""

    name = "mailgun"
    channels = ("email",)

    def __init__(self, settings: MailgunReceiptSettings) -> None:
        self._key = settings.signing_key.encode()
        self._bodies: TTLCache[str, bytes] = TTLCache(_TOKENS, 2 * FRESH)
        self._lock = Lock()

    def events(self, incoming: Incoming) -> Sequence[Event]:
        """The event of a call; as `Source.events`. A time of signing 300 s off is forged, late or early."""
        try:
            call = orjson.loads(incoming.body)
        except orjson.JSONDecodeError:
            raise Forged("no JSON, so no signature") from None
        self._verify(section(call, "signature"), incoming)
        event = section(call, "event-data")
        if not event:
            raise InvalidInput({"event-data": ["must be an object: the event."]})
        return [Event(_id(event), event)]

    def read(self, body: Mapping[str, Any]) -> Receipt | None:
        """What an event means; as `Source.read`."""
        meaning = _meaning(body)
        if meaning is None:
            return None
        status = section(body, "delivery-status")
        reasons = (status.get("message"), status.get("description"), section(body, "reject").get("reason"))
        return Receipt(
            meaning.kind,
            occurred_at=moment(body.get("timestamp")),
            delivery_id=delivery_id(section(body, "user-variables").get(DELIVERY_ID)),
            reference=text(section(body, "message", "headers").get("message-id")).strip("<>") or None,
            target=text(body.get("recipient")) or None,
            code=text(status.get("code")) or None,
            detail=next((said for reason in reasons if (said := text(reason))), text(body.get("reason"))),
            suppress=meaning.suppress,
        )

    def _verify(self, signature: Mapping[str, Any], incoming: Incoming) -> None:
        signed_at, token = text(signature.get("timestamp")), text(signature.get("token"))
        at = seconds(signed_at)
        if not token or at is None:
            raise Forged("no signature")
        if abs(incoming.now - at) > FRESH:
            raise Forged(f"signed {incoming.now - at:.0f} s ago")
        expected = hmac.digest(self._key, f"{signed_at}{token}".encode(), "sha256").hex().encode()
        # An event of a subaccount is signed with the parent's key too.
        given = [text(signature.get(name)).encode() for name in ("signature", "parent-signature")]
        if not any(hmac.compare_digest(expected, one) for one in given):
            raise Forged("the signature is wrong")
        with self._lock:
            if self._bodies.setdefault(token, digest := sha256(incoming.body).digest()) != digest:
                raise Forged("its token came with another body")


def _id(event: Mapping[str, Any]) -> str:
    """With the time: Mailgun's id is unique within a day
    (https://documentation.mailgun.com/en/latest/api-events.html#event-structure)."""
    named, at = text(event.get("id")), text(event.get("timestamp"))
    return f"{named}@{at}" if named else fingerprint(event)


def _meaning(body: Mapping[str, Any]) -> Meaning | None:
    event = text(body.get("event"))
    if event != "failed":
        return EVENTS.get(event)
    if text(body.get("severity")) == "temporary":
        return Meaning(Kind.DELAYED)
    if text(body.get("reason")) == "bounce" and text(section(body, "delivery-status").get("bounce-type")) == "soft":
        return Meaning(Kind.BOUNCED_FOR_NOW)
    return FAILURES.get(text(body.get("reason")), Meaning(Kind.UNDELIVERED))
