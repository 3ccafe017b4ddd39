"""Mailgun's webhooks: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads and
…/securing-webhooks. One event a call.
"""

import hmac
import time
from collections.abc import Mapping, Sequence
from secrets import token_hex, token_urlsafe
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from crier.sandbox.callbacks import Callback
from crier.sandbox.mail_reports import Happening

SIGNING_KEY = uuid5(NAMESPACE_URL, "crier:sandbox:mailgun:events").hex

_FULL = "4.2.2 The email account that you tried to reach is over quota"
_UNKNOWN = "5.1.1 The email account that you tried to reach does not exist"
_BROWSER = {"ip": "192.0.2.1", "client-info": {"client-type": "browser", "user-agent": "Mozilla/5.0"}}
STEPS: Mapping[str, Mapping[str, Any]] = {
    "accepted": {"event": "accepted", "method": "HTTP"},
    "deferred": {
        "event": "failed", "severity": "temporary", "reason": "generic",
        "delivery-status": {"attempt-no": 1, "code": 452, "message": _FULL, "description": "", "retry-seconds": 600},
    },
    "delivered": {
        "event": "delivered",
        "delivery-status": {"attempt-no": 1, "code": 250, "message": "OK", "description": "", "tls": True},
    },
    "bounced": {
        "event": "failed", "severity": "permanent", "reason": "bounce",
        "delivery-status": {"attempt-no": 1, "code": 550, "message": _UNKNOWN, "bounce-type": "hard"},
    },
    "given-up": {
        "event": "failed", "severity": "permanent", "reason": "old",
        "delivery-status": {"attempt-no": 9, "code": 602, "message": _FULL, "description": "Too old"},
    },
    "dropped": {
        "event": "failed", "severity": "permanent", "reason": "suppress-bounce",
        "delivery-status": {
            "attempt-no": 1, "code": 605, "message": "", "description": "Not delivering to previously bounced address",
        },
    },
    "opened": {"event": "opened", **_BROWSER},
    "clicked": {"event": "clicked", "url": "https://example.com/", **_BROWSER},
    "complained": {"event": "complained"},
    "unsubscribed": {"event": "unsubscribed", **_BROWSER},
}  # fmt: skip
"""Each step in Mailgun's words."""


class Webhooks:
    """Writes the calls of one domain."""

    steps = tuple(STEPS)

    def calls(self, url: str, happenings: Sequence[Happening]) -> Sequence[Callback]:
        """A call for each recipient."""
        return [_call(url, one) for one in happenings]


def _call(url: str, one: Happening) -> Callback:
    now, token = time.time(), token_hex(25)
    signed_at = f"{now:.0f}"
    event = {
        "id": token_urlsafe(16),
        "timestamp": now,
        "log-level": "info",
        "recipient": one.recipient,
        "recipient-domain": one.recipient.rpartition("@")[2],
        "message": {"headers": {"message-id": one.mail.reference, "to": one.mail.recipients[0]}},
        "user-variables": one.mail.carried,
        **STEPS[one.step],
    }
    signature = hmac.digest(SIGNING_KEY.encode(), f"{signed_at}{token}".encode(), "sha256").hex()
    signed = {"timestamp": signed_at, "token": token, "signature": signature}
    body = orjson.dumps({"signature": signed, "event-data": event})
    headers = {"Content-Type": "application/json", "User-Agent": "Go-http-client/2.0"}
    return Callback(
        "mailgun", url, body, headers,
        delivery=one.mail.delivery, reference=one.mail.reference, recipient=one.recipient,
    )  # fmt: skip
