"""SendGrid's Event Webhook: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event.

A call is a JSON array of events, signed with ECDSA (P-256, SHA-256) over a header with the time and the body
(https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features).
SendGrid tries for 24 hours and repeats itself at times; `sg_event_id` tells
(https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/troubleshooting).

Our id comes back as the custom argument `crier_id`, `X-Message-Id` as the beginning of `sg_message_id`. Copies (cc,
bcc) have the same id, and report by their own `email`.
"""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from shared.errors import InvalidInput
from shared.receipts.fields import FRESH, delivery_id, fingerprint, moment, seconds, text
from shared.receipts.meaning import Meaning
from shared.receipts.port import Event, Forged, Incoming, Kind, Receipt
from shared.settings import setting

DELIVERY_ID = "crier_id"
SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"


EVENTS: Mapping[str, Meaning] = {
    "processed": Meaning(Kind.ACCEPTED),
    "deferred": Meaning(Kind.DELAYED),
    "delivered": Meaning(Kind.DELIVERED),
    "open": Meaning(Kind.OPENED),
    "click": Meaning(Kind.CLICKED),
    "spamreport": Meaning(Kind.COMPLAINED, "complaint"),
    "unsubscribe": Meaning(Kind.UNSUBSCRIBED, "opt-out"),
    "group_unsubscribe": Meaning(Kind.UNSUBSCRIBED, "opt-out"),
    "group_resubscribe": Meaning(Kind.RESUBSCRIBED),
}
"""Events that mean one thing (the page above). `account_status_change` is about no message."""

BOUNCES: Mapping[str, Meaning] = {
    "bounce": Meaning(Kind.UNDELIVERED, "bounce"),
    "blocked": Meaning(Kind.BOUNCED_FOR_NOW),
    "expired": Meaning(Kind.BOUNCED_FOR_NOW),
}
"""`bounce` by `type`. SendGrid suppresses after the first only; it calls the others temporary, deferred for 72 hours in
vain included: https://www.twilio.com/docs/sendgrid/ui/sending-email/blocks."""

OUR_FAULT = frozenset({"Content", "Reputation", "Frequency or Volume Too High"})
"""`bounce_classification` of a block that says nothing of the mailbox, so it does not count against it:
https://sendgrid.com/en-us/blog/bounce-block-classifications-in-event-webhook."""

DROPS: Mapping[str, Meaning] = {
    "bounced address": Meaning(Kind.UNDELIVERED, "bounce"),
    "unsubscribed address": Meaning(Kind.UNDELIVERED, "opt-out"),
    "spam reporting address": Meaning(Kind.UNDELIVERED, "complaint"),
    "invalid": Meaning(Kind.UNDELIVERED, "invalid"),
    "invalid smtpapi header": Meaning(Kind.UNDELIVERED),
    "spam content": Meaning(Kind.UNDELIVERED),
    "duplicate message": Meaning(Kind.UNDELIVERED),
    "recipient list over package quota": Meaning(Kind.UNDELIVERED),
}
"""`dropped` by `reason`: not sent at all (https://www.twilio.com/docs/sendgrid/glossary/drops and the page above).
Another reason suppresses nobody."""


def _key(value: str) -> ec.EllipticCurvePublicKey:
    key = load_der_public_key(b64decode(value, validate=True))
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError("another kind of key")


def _check_key(value: str) -> str | None:
    try:
        _key(value)
    except ValueError:
        return "must be the verification key as SendGrid shows it: one line of base64 that begins with MFkw."
    return None


@dataclass(frozen=True)
class SendGridReceiptSettings:
    """How SendGrid's events are told from others."""

    public_key: str = setting(
        "SENDGRID_WEBHOOK_PUBLIC_KEY",
        "Verification key of the Signed Event Webhook, as SendGrid shows it.",
        check=_check_key,
    )


class SendGridReceipts:
    """Verifies and reads events."""

    name = "sendgrid"
    channels = ("email",)

    def __init__(self, settings: SendGridReceiptSettings) -> None:
        self._key = _key(settings.public_key)

    def events(self, incoming: Incoming) -> Sequence[Event]:
        """The events of a call; as `Source.events`. A time of signing 300 s off is forged, late or early."""
        self._verify(incoming)
        try:
            found = orjson.loads(incoming.body)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise InvalidInput({"body": ["must be a JSON array of events."]})
        return [Event(text(one.get("sg_event_id")) or fingerprint(one), one) for one in found]

    def read(self, body: Mapping[str, Any]) -> Receipt | None:
        """What an event means; as `Source.read`."""
        meaning = _meaning(body)
        if meaning is None:
            return None
        return Receipt(
            meaning.kind,
            occurred_at=moment(body.get("timestamp")),
            delivery_id=delivery_id(body.get(DELIVERY_ID)),
            reference=text(body.get("sg_message_id")).partition(".")[0] or None,
            target=text(body.get("email")) or None,
            code=text(body.get("status")) or None,
            detail=text(body.get("reason")) or text(body.get("response")),
            suppress=meaning.suppress,
        )

    def _verify(self, incoming: Incoming) -> None:
        signature, signed_at = incoming.headers.get(SIGNATURE, ""), incoming.headers.get(TIMESTAMP, "")
        at = seconds(signed_at)
        if not signature or at is None:
            raise Forged(f"{SIGNATURE} or {TIMESTAMP} is missing or no number")
        if abs(incoming.now - at) > FRESH:
            raise Forged(f"signed {incoming.now - at:.0f} s ago")
        try:
            signed = signed_at.encode() + incoming.body
            self._key.verify(b64decode(signature, validate=True), signed, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError):
            raise Forged("the signature is wrong") from None


def _meaning(body: Mapping[str, Any]) -> Meaning | None:
    event = text(body.get("event"))
    if event == "bounce":
        if text(body.get("type")) != "bounce" and text(body.get("bounce_classification")) in OUR_FAULT:
            return Meaning(Kind.UNDELIVERED)
        return BOUNCES.get(text(body.get("type")), Meaning(Kind.UNDELIVERED))
    if event == "dropped":
        return DROPS.get(text(body.get("reason")).strip().lower(), Meaning(Kind.UNDELIVERED))
    return EVENTS.get(event)
