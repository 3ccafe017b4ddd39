"""What Twilio calls back about: messages of ours, and messages to us.

Status callbacks: https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks. The status
in which a message is created is not reported. Inbound messages:
https://www.twilio.com/docs/messaging/guides/webhook-request. Both are forms, signed as
https://www.twilio.com/docs/usage/security#validating-requests says.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha1
from urllib.parse import urlencode
from uuid import uuid4

from crier.sandbox.callbacks import Callback
from crier.sandbox.twilio.errors import LATER
from crier.sandbox.twilio.message import WHATSAPP, Message
from crier.sandbox.vendor import find_delivery

API_VERSION = "2010-04-01"
_CHANNEL = "XE" + "0" * 32


class Reports:
    """Writes the calls of one account."""

    def __init__(self, account: str, token: str) -> None:
        self._account = account
        self._token = token

    def of(self, message: Message) -> Sequence[Callback]:
        """All that becomes of a message, as a look-up finds it; nothing where no address was given."""
        if not message.callback:
            return ()
        last = "delivered" if message.error_code is None else "undelivered"
        return [self.status(message, status) for status in (*(["queued"] if message.service else []), "sent", last)]

    def status(self, message: Message, status: str) -> Callback:
        """That `message` has come to `status`."""
        form = {
            "AccountSid": self._account,
            "ApiVersion": API_VERSION,
            "From": message.sender or "",
            "MessageSid": message.sid,
            "MessageStatus": status,
            "SmsSid": message.sid,
            "SmsStatus": status,
            "To": message.to,
        }
        if message.service:
            form["MessagingServiceSid"] = message.service
        failed = message.error_code if status in ("undelivered", "failed") else None
        if failed is not None:
            form["ErrorCode"] = str(failed)
        if message.to.startswith(WHATSAPP):
            form |= {"ChannelPrefix": "whatsapp", "ChannelInstallSid": _CHANNEL}
            if failed is not None:
                form["ChannelStatusMessage"] = LATER.get(failed, "")
            if status == "read":
                form["EventType"] = "READ"
        elif status in ("delivered", "undelivered"):
            form["RawDlrDoneDate"] = f"{datetime.now(UTC):%y%m%d%H%M}"
        return self._call(message.callback or "", form, recipient=message.to, reference=message.sid)

    def inbound(self, url: str, number: str, to: str, body: str, opt_out_type: str | None = None) -> Callback:
        """That `number` wrote `body` to `to`."""
        sid = f"SM{uuid4().hex}"
        form = {
            "AccountSid": self._account,
            "ApiVersion": API_VERSION,
            "Body": body,
            "From": number,
            "MessageSid": sid,
            "NumMedia": "0",
            "NumSegments": "1",
            "SmsMessageSid": sid,
            "SmsSid": sid,
            "SmsStatus": "received",
            "To": to,
        }
        if opt_out_type:
            form["OptOutType"] = opt_out_type
        return self._call(url, form, recipient=number, reference=sid)

    def _call(self, url: str, form: Mapping[str, str], *, recipient: str, reference: str) -> Callback:
        signed = url + "".join(name + form[name] for name in sorted(form))
        signature = b64encode(hmac.digest(self._token.encode(), signed.encode(), sha1)).decode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            "User-Agent": "TwilioProxy/1.1",
            "X-Twilio-Signature": signature,
        }
        return Callback(
            "twilio", url, urlencode(form).encode(), headers,
            delivery=find_delivery(url), reference=reference, recipient=recipient,
        )  # fmt: skip
