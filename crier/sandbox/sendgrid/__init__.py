"""A stand-in for SendGrid's v3 Mail Send (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send).

It knows one key (`API_KEY`). Any sender is a verified identity of the account, except those whose local part is
`unverified`. In sandbox mode (`mail_settings.sandbox_mode`) a mail is checked, answered with 200 and not taken. Magic
recipients: `crier.sandbox.magic_mailboxes`. Told where, it reports events, those for all recipients of a mail in one
call: `crier.sandbox.mail_reports`. What it took can be looked up: `crier.sandbox.sendgrid.activity`.
"""

import time
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from crier.sandbox.behaviour import Behaviour
from crier.sandbox.callbacks import Callback
from crier.sandbox.journal import Entry
from crier.sandbox.magic_mailboxes import magic
from crier.sandbox.mail import with_images
from crier.sandbox.mail_reports import Mail, MailReports
from crier.sandbox.preview import Attachment, Kind, Preview
from crier.sandbox.sendgrid.activity import Activity
from crier.sandbox.sendgrid.message import problems
from crier.sandbox.sendgrid.webhook import PUBLIC_KEY, Webhook
from crier.sandbox.vendor import Answer, Call, HttpVendor, Route, find_delivery, json_answer

API_KEY = f"SG.{uuid5(NAMESPACE_URL, 'crier:sandbox:sendgrid').hex[:22]}.{uuid5(NAMESPACE_URL, 'crier:sandbox').hex}"
SENDER = "Crier sandbox <sandbox@example.com>"
SIZE_LIMIT = 30 * 1024 * 1024
RATE_PERIOD = 30
"""Seconds until a refused caller may call again."""
_KINDS = ("to", "cc", "bcc")

ERRORS: Mapping[str, tuple[int, str, str | None]] = {
    "400": (400, "Bad Request", None),
    "400 to": (400, "Does not contain a valid address.", "personalizations.0.to.0.email"),
    "401": (401, "The provided authorization grant is invalid, expired, or revoked", None),
    "401 credits": (401, "Maximum credits exceeded", None),
    "403": (
        403,
        "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.",
        "from",
    ),
    "404": (404, "not found", None),
    "405": (405, "method not allowed", None),
    "406": (406, "Missing Accept header.", None),
    "413": (413, "content too large", None),
    "415": (415, "unsupported media type", None),
    "429": (429, "too many requests", None),
    "451": (451, "Unavailable due to data residency restrictions", None),
    "500": (500, "internal server error", None),
    "503": (503, "service not available", None),
}
"""Status, text and field of what SendGrid documents (see `services/email/providers/sendgrid_codes.py`)."""


class SendGrid(HttpVendor):
    """Mail Send."""

    name = "sendgrid"
    errors = tuple(ERRORS)
    stages = ("send", "look-up")
    events = Webhook.steps

    def __init__(self, folder: Path, base_url: str) -> None:
        super().__init__(folder, base_url)
        self._reports = MailReports(Webhook())
        self._activity = Activity()

    def routes(self) -> Sequence[Route]:
        """Sending, and the activity."""
        return (
            Route("POST", "/v3/mail/send", "send", self._send, _recipient),
            Route("GET", "/v3/messages", "look-up", self._look_up),
        )

    def environment(self) -> dict[str, str]:
        """Key, sender, base URL, and the key that verifies events."""
        return {
            "SENDGRID_API_KEY": API_KEY,
            "SENDGRID_FROM": SENDER,
            "SENDGRID_BASE_URL": self.base_url,
            "SENDGRID_WEBHOOK_PUBLIC_KEY": PUBLIC_KEY,
        }

    def error(self, name: str, call: Call) -> Answer:
        """A documented error; 429 says when the next period begins."""
        status, message, field = ERRORS[name]
        return _refuse(status, [(field, message)])

    def authorised(self, call: Call) -> bool:
        """Whether the key is the account's."""
        return call.headers.get("authorization") == f"Bearer {API_KEY}"

    def magic(self, recipient: str) -> Behaviour | None:
        """The sandbox's magic mailboxes."""
        return magic(recipient, self.errors)

    def delivery(self, call: Call) -> str | None:
        """In the custom arguments."""
        mail = call.json if isinstance(call.json, dict) else {}
        return find_delivery(*(text for text in _section(mail, "custom_args").values() if isinstance(text, str)))

    def preview(self, entry: Entry) -> Preview:
        """The mail, put together as SendGrid would."""
        mail = _mail(entry)
        if problems(mail):
            return Preview()
        parts = {part["type"]: part["value"] for part in mail["content"]}
        attachments = tuple(
            Attachment(one["filename"], one.get("type", ""), b64decode(one["content"]), one.get("content_id"))
            for one in mail.get("attachments", ())
        )
        html = parts.get("text/html")
        return Preview(
            Kind.MAIL,
            title=mail.get("subject", ""),
            text=parts.get("text/plain", ""),
            html=None if html is None else with_images(html, attachments),
            facts=tuple(_facts(mail)),
            attachments=attachments,
        )

    def simulate(self, event: str, details: Mapping[str, str]) -> Sequence[Callback]:
        """Something happens to a mail: `crier.sandbox.mail_reports`."""
        return self._reports.simulate(event, details, self.receipts_url)

    def remember(self, entry: Entry) -> None:
        """Keep an accepted mail for look-ups."""
        if entry.accepted and entry.reference:
            self._activity.keep(_mail(entry), entry.reference, datetime.fromisoformat(entry.time))

    def forget(self) -> None:
        """Drop every mail."""
        self._reports.forget()
        self._activity.forget()

    def _send(self, call: Call) -> Answer:
        if not self.authorised(call):
            return self.error("401", call)
        if not call.headers.get("content-type", "").startswith("application/json"):
            return self.error("415", call)
        if len(call.body) > SIZE_LIMIT:
            return self.error("413", call)
        if wrong := problems(call.json):
            return _refuse(400, wrong)
        if call.json["from"]["email"].startswith("unverified@"):
            return self.error("403", call)
        if _section(_section(call.json, "mail_settings"), "sandbox_mode").get("enable"):
            return Answer(200, b"")
        reference = token_urlsafe(16)
        self._activity.keep(call.json, reference, datetime.now(UTC))
        callbacks = self._reports.of(self._taken(call, reference), self.receipts_url)
        headers = {"X-Message-Id": reference}
        return Answer(202, b"", headers, accepted=True, reference=reference, callbacks=callbacks)

    def _look_up(self, call: Call) -> Answer:
        return self._activity.answer(call) if self.authorised(call) else self.error("401", call)

    def _taken(self, call: Call, reference: str) -> Mail:
        mail = call.json
        carried = dict(_section(mail, "custom_args"))
        if mail.get("categories"):
            carried["category"] = mail["categories"]
        boxes = [box for one in mail["personalizations"] for kind in _KINDS for box in one.get(kind, ())]
        return Mail(reference, self.delivery(call), [box["email"] for box in boxes], carried)


def _refuse(status: int, wrong: Sequence[tuple[str | None, str]]) -> Answer:
    headers = {}
    if status == 429:
        now = int(time.time())
        limits = {"Limit": "600", "Remaining": "0", "Reset": str(now + RATE_PERIOD)}
        headers = {f"X-RateLimit-{name}": value for name, value in limits.items()}
        headers["Date"] = formatdate(now, usegmt=True)
    errors = [{"message": message, "field": field or None, "help": None} for field, message in wrong]
    return json_answer(status, {"errors": errors}, headers=headers)


def _recipient(call: Call) -> str | None:
    try:
        return str(call.json["personalizations"][0]["to"][0]["email"])
    except (LookupError, TypeError):
        return None


def _mail(entry: Entry) -> Any:
    try:
        return orjson.loads(entry.received.get("body", ""))
    except orjson.JSONDecodeError:
        return None


def _section(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _facts(mail: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    boxes = {"From": [mail["from"]]}
    for kind in _KINDS:
        boxes[kind.title()] = [box for one in mail["personalizations"] for box in one.get(kind, ())]
    boxes["Reply-To"] = [mail["reply_to"]] if "reply_to" in mail else []
    written = [(name, ", ".join(map(_written, listed))) for name, listed in boxes.items() if listed]
    categories = [("Categories", ", ".join(mail["categories"]))] if mail.get("categories") else []
    return [*written, *_section(mail, "headers").items(), *categories, *_section(mail, "custom_args").items()]


def _written(box: Mapping[str, str]) -> str:
    return f"{box['name']} <{box['email']}>" if box.get("name") else box["email"]
