"""A stand-in for Mailgun's `messages.mime`.

https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages/post-v3--domain-name--messages-mime;
messages of errors: https://documentation.mailgun.com/en/latest/api-sending.html#error-codes.

It knows one domain (`DOMAIN`) with one key (`API_KEY`), and any sender. Where Mailgun documents a limit but no error
for it (the size of a mail, the number of tags), it makes one up. Magic recipients: `crier.sandbox.magic_mailboxes`.
Told where, it reports events, one a call: `crier.sandbox.mail_reports`. That it accepted a mail can be looked up:
`crier.sandbox.mailgun.activity`.
"""

import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import formatdate
from pathlib import Path
from uuid import NAMESPACE_URL, uuid4, uuid5

from crier.sandbox import mail
from crier.sandbox.behaviour import Behaviour
from crier.sandbox.callbacks import Callback
from crier.sandbox.journal import Entry
from crier.sandbox.magic_mailboxes import magic
from crier.sandbox.mail_reports import Mail, MailReports
from crier.sandbox.mailgun.activity import Activity
from crier.sandbox.mailgun.request import Request, problem, read
from crier.sandbox.mailgun.webhooks import SIGNING_KEY, Webhooks
from crier.sandbox.preview import Preview
from crier.sandbox.vendor import Answer, Call, HttpVendor, Route, find_delivery, json_answer

DOMAIN = "example.com"
API_KEY = "key-" + uuid5(NAMESPACE_URL, "crier:sandbox:mailgun").hex
SENDER = f"Crier sandbox <sandbox@{DOMAIN}>"
RATE_PERIOD = 30
"""Seconds until a refused caller may call again."""

_AUTHORIZATION = "Basic " + b64encode(f"api:{API_KEY}".encode()).decode()
_NOT_ALLOWED = "Domain {domain} is not allowed to send: "
ERRORS: Mapping[str, tuple[int, str]] = {
    "400": (400, "Too many recipients, max is 1000"),
    "400 to": (400, "to parameter is not a valid address. please check documentation"),
    "400 sandbox": (400, _NOT_ALLOWED + "Sandbox subdomains are for test purposes only."),
    "400 free": (400, _NOT_ALLOWED + "Free accounts are for test purposes only."),
    "400 unverified": (400, _NOT_ALLOWED + "The domain is unverified and requires DNS configuration."),
    "400 inactive": (400, _NOT_ALLOWED + "Please activate your Mailgun account."),
    "401": (401, "Forbidden"),
    "403": (403, "Rejected: IP 192.0.2.1 can't be used to send the message"),
    "403 batch": (403, "Domain {domain} is not allowed to send large batches yet"),
    "404": (404, "Domain not found: {domain}"),
    "413": (413, "request size exceeds 52.4MiB limit"),
    "420": (420, _NOT_ALLOWED + "recipient limit exceeded, try again after {date}"),
    "429": (429, _NOT_ALLOWED + "request limit exceeded, try again after {date}"),
    "429 bytes": (429, _NOT_ALLOWED + "bytes limit exceeded, try again after {date}"),
    "500": (500, "Internal Server Error"),
}
"""Status and message of what Mailgun documents (see `services/email/providers/mailgun_codes.py`)."""


class Mailgun(HttpVendor):
    """Sending a mail that was built elsewhere."""

    name = "mailgun"
    errors = tuple(ERRORS)
    stages = ("send", "look-up")
    events = Webhooks.steps

    def __init__(self, folder: Path, base_url: str) -> None:
        super().__init__(folder, base_url)
        self._reports = MailReports(Webhooks())
        self._activity = Activity()

    def routes(self) -> Sequence[Route]:
        """Sending, and the domain's events."""
        return (
            Route("POST", "/v3/{domain}/messages.mime", "send", self._send, _recipient),
            Route("GET", "/v3/{domain}/events", "look-up", self._look_up),
        )

    def environment(self) -> dict[str, str]:
        """Key, domain, sender, base URL, and the key that signs events."""
        return {
            "MAILGUN_API_KEY": API_KEY,
            "MAILGUN_DOMAIN": DOMAIN,
            "MAILGUN_FROM": SENDER,
            "MAILGUN_BASE_URL": self.base_url,
            "MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING_KEY,
        }

    def error(self, name: str, call: Call) -> Answer:
        """A documented error; those of limits say when the next period begins."""
        status, message = ERRORS[name]
        now = int(time.time())
        date = formatdate(now + RATE_PERIOD, usegmt=True).replace("GMT", "UTC")
        text = message.format(domain=call.parameters["domain"], date=date)
        if status == 401:
            return Answer(401, text.encode(), {"Content-Type": "text/plain"})
        return json_answer(status, {"message": text}, headers={"Date": formatdate(now, usegmt=True)})

    def authorised(self, call: Call) -> bool:
        """Whether the key is the domain's."""
        return call.headers.get("authorization") == _AUTHORIZATION

    def magic(self, recipient: str) -> Behaviour | None:
        """The sandbox's magic mailboxes."""
        return magic(recipient, self.errors)

    def delivery(self, call: Call) -> str | None:
        """In a variable."""
        return find_delivery(*(value for name, value in _request(call).options if name.startswith("v:")))

    def preview(self, entry: Entry) -> Preview:
        """The mail, and the options it was sent with."""
        request = _request_of(entry)
        if request.message is None:
            return Preview()
        shown = mail.preview(request.message)
        return replace(shown, facts=(*shown.facts, *(("To (envelope)", one) for one in request.to), *request.options))

    def simulate(self, event: str, details: Mapping[str, str]) -> Sequence[Callback]:
        """Something happens to a mail: `crier.sandbox.mail_reports`."""
        return self._reports.simulate(event, details, self.receipts_url)

    def remember(self, entry: Entry) -> None:
        """Keep an accepted mail for look-ups."""
        if entry.accepted and entry.reference:
            request = _request_of(entry)
            time = datetime.fromisoformat(entry.time).timestamp()
            self._activity.accepted(entry.reference, request.to, dict(request.options), time)

    def forget(self) -> None:
        """Drop every mail."""
        self._reports.forget()
        self._activity.forget()

    def _send(self, call: Call) -> Answer:
        if not self.authorised(call):
            return self.error("401", call)
        if call.parameters["domain"] != DOMAIN:
            return self.error("404", call)
        request = _request(call)
        if wrong := problem(request, len(call.body)):
            status, message = wrong
            return json_answer(status, {"message": message})
        reference = f"<{mail.message_id(request.message or b'') or f'{uuid4().hex}@{DOMAIN}'}>"
        accepted = {"id": reference, "message": "Queued. Thank you."}
        bare = reference.strip("<>")
        self._activity.accepted(bare, request.to, dict(request.options), time.time())
        variables = {name.removeprefix("v:"): value for name, value in request.options if name.startswith("v:")}
        callbacks = self._reports.of(Mail(bare, self.delivery(call), request.to, variables), self.receipts_url)
        return json_answer(200, accepted, accepted=True, reference=bare, callbacks=callbacks)

    def _look_up(self, call: Call) -> Answer:
        if not self.authorised(call):
            return self.error("401", call)
        return self._activity.answer(call) if call.parameters["domain"] == DOMAIN else self.error("404", call)


def _request_of(entry: Entry) -> Request:
    received = entry.received
    body = b64decode(received["body_base64"]) if "body_base64" in received else received["body"].encode()
    return read(received["headers"].get("content-type", ""), body)


def _request(call: Call) -> Request:
    return read(call.headers.get("content-type", ""), call.body)


def _recipient(call: Call) -> str | None:
    return next(iter(_request(call).to), None)
