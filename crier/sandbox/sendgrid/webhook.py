"""SendGrid's Event Webhook, signed: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event and
…/getting-started-event-webhook-security-features.
"""

import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from secrets import token_urlsafe
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crier.sandbox.callbacks import Callback
from crier.sandbox.mail_reports import Happening

# Derived, so that settings printed by one run hold for the next.
_KEY = ec.derive_private_key(uuid5(NAMESPACE_URL, "crier:sandbox:sendgrid:events").int, ec.SECP256R1())
PUBLIC_KEY = b64encode(_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
"""As SendGrid shows it."""

_FULL = "452 4.2.2 The email account that you tried to reach is over quota"
_UNKNOWN = "550 5.1.1 The email account that you tried to reach does not exist"
_BROWSER = {"ip": "192.0.2.1", "useragent": "Mozilla/5.0"}
STEPS: Mapping[str, Mapping[str, Any]] = {
    "accepted": {"event": "processed"},
    "deferred": {"event": "deferred", "response": _FULL, "attempt": "1"},
    "delivered": {"event": "delivered", "response": "250 2.0.0 OK", "ip": "192.0.2.2", "tls": 1},
    "bounced": {
        "event": "bounce", "type": "bounce", "status": "5.1.1", "reason": _UNKNOWN, "ip": "192.0.2.2", "tls": 1,
        "bounce_classification": "Invalid Address",
    },
    "given-up": {
        "event": "bounce", "type": "blocked", "status": "4.2.2", "reason": _FULL, "ip": "192.0.2.2", "tls": 1,
        "bounce_classification": "Mailbox Unavailable",
    },
    "dropped": {"event": "dropped", "reason": "Bounced Address", "status": "5.0.0"},
    "opened": {"event": "open", "sg_content_type": "html", "sg_machine_open": False, **_BROWSER},
    "clicked": {"event": "click", "url": "https://example.com/", **_BROWSER},
    "complained": {"event": "spamreport"},
    "unsubscribed": {"event": "unsubscribe"},
    "resubscribed": {"event": "group_resubscribe", "asm_group_id": 1, **_BROWSER},
}  # fmt: skip
"""Each step in SendGrid's words."""


class Webhook:
    """Writes the calls of one account: an array for those to whom something happens at once."""

    steps = tuple(STEPS)

    def calls(self, url: str, happenings: Sequence[Happening]) -> Sequence[Callback]:
        """One call."""
        mail, now = happenings[0].mail, int(time.time())
        events = [
            {
                "email": one.recipient,
                "timestamp": now,
                "smtp-id": f"<{mail.reference}@geopod-ismtpd-1>",
                "sg_event_id": token_urlsafe(24),
                "sg_message_id": f"{mail.reference}.recvd-sandbox-1-{index}",
                **mail.carried,
                **STEPS[one.step],
            }
            for index, one in enumerate(happenings)
        ]
        body, timestamp = orjson.dumps(events) + b"\r\n", str(now)
        signature = b64encode(_KEY.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "SendGrid Event API",
            "X-Twilio-Email-Event-Webhook-Signature": signature,
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        }
        recipients = ", ".join(one.recipient for one in happenings)
        return [
            Callback(
                "sendgrid", url, body, headers,
                delivery=mail.delivery, reference=mail.reference, recipient=recipients,
            )
        ]  # fmt: skip
