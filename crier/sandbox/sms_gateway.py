"""A stand-in for the SMS vendors that Crier has no adapter for: a gateway as there are many, in two dialects.

It is nobody's: what it understands is described here, and it refuses everything else.

- `POST /sms/v1/messages`: JSON `{"to", "text"}` and, if wanted, `from` and `id`, with `Authorization: Bearer KEY`.
  Answers 201 `{"id", "status": "queued"}`, or a status of failure with `{"error": {"code", "message"}}`. This is what
  Crier's `http` provider speaks when nothing else is configured.
- `/sms/classic/send`, by GET or with a form: `user_key`, `msisdn` (digits), `message` and, if wanted, `sender`,
  `ref` and `ttl` (seconds). Answers 200 to everything: `{"status": 0, "data": {"message_id": 12}}`, or
  `{"status": 3, "reason": "…"}`.

The magic recipients are those of the Twilio stand-in, for what this one has too:

    +15005550001  invalid_number                    +15005550408  accepted, never answered
    +15005550009  unknown_subscriber                +15005550429  too_many_requests with Retry-After 30
    +15005550205  answered after 5 s                +15005550444  accepted, then closed without an answer
    +15005550503  unavailable                       +15005550500  internal_error
    +15005550004  opted_out
"""

import re
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import NAMESPACE_URL, uuid4, uuid5

import orjson

from crier.sandbox.behaviour import Behaviour, Fault
from crier.sandbox.journal import Entry
from crier.sandbox.preview import Kind, Preview
from crier.sandbox.twilio.message import segments
from crier.sandbox.vendor import Answer, Call, HttpVendor, Route, find_delivery, json_answer

API_KEY = "sms_" + uuid5(NAMESPACE_URL, "crier:sandbox:sms-gateway").hex
PATH = "/sms/v1/messages"
CLASSIC_PATH = "/sms/classic/send"

# Code: the status and the words of the first dialect, and the status within the answers of the second.
ERRORS: Mapping[str, tuple[int, str, int]] = {
    "unauthorized": (401, "The API key is not valid.", 1),
    "insufficient_balance": (402, "There is not enough credit.", 2),
    "invalid_number": (400, "'to' is not a telephone number in international form.", 3),
    "unknown_subscriber": (422, "The number is not in use.", 4),
    "invalid_text": (400, "'text' must have 1 to 1600 characters.", 5),
    "invalid_sender": (400, "'from' is not a number, a short code or a name of up to 11 characters.", 6),
    "malformed": (400, "The request is not what is documented.", 7),
    "unknown_field": (400, "There is no such field.", 7),
    "blocked": (403, "The operator refused the message.", 8),
    "too_many_requests": (429, "Too many requests.", 9),
    "unavailable": (503, "The operator cannot be reached. The message was not processed.", 10),
    "internal_error": (500, "Something went wrong.", 11),
    "opted_out": (403, "The recipient wants no messages from this sender.", 12),
}
_MAGIC = {
    "+15005550001": Behaviour(error="invalid_number"),
    "+15005550004": Behaviour(error="opted_out"),
    "+15005550009": Behaviour(error="unknown_subscriber"),
    "+15005550205": Behaviour(delay=5),
    "+15005550408": Behaviour(fault=Fault.HANG),
    "+15005550429": Behaviour(error="too_many_requests", retry_after=30),
    "+15005550444": Behaviour(fault=Fault.CLOSE),
    "+15005550500": Behaviour(error="internal_error"),
    "+15005550503": Behaviour(error="unavailable"),
}
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}")
_LONGEST_TEXT = 1600
_LONGEST_ID = 64
# The classic names, and what they are called in the other dialect.
_CLASSIC = {"msisdn": "to", "message": "text", "sender": "from", "ref": "id", "ttl": "ttl", "user_key": "user_key"}


class SmsGateway(HttpVendor):
    """Takes messages, in either dialect."""

    name = "http"
    errors = tuple(ERRORS)

    def __init__(self, folder: Path, base_url: str) -> None:
        super().__init__(folder, base_url)
        self._numbers = count(1)

    def routes(self) -> Sequence[Route]:
        """The two dialects."""
        return (
            Route("POST", PATH, "send", self._send, _recipient),
            Route("GET", CLASSIC_PATH, "send", self._send, _recipient),
            Route("POST", CLASSIC_PATH, "send", self._send, _recipient),
        )

    def environment(self) -> dict[str, str]:
        """The first dialect, whose form is the one that needs no description; and what its codes mean."""
        return {
            "SMS_API_URL": self.base_url + PATH,
            "SMS_API_KEY": API_KEY,
            "SMS_API_DEAD_CODES": "invalid_number,unknown_subscriber",
            "SMS_API_OPT_OUT_CODES": "opted_out",
            "SMS_API_RETRY_CODES": "unavailable",
            "SMS_API_FAULT_CODES": "insufficient_balance",
        }

    def error(self, name: str, call: Call) -> Answer:
        """A failure, in the dialect it was called in."""
        status, message, number = ERRORS[name]
        if call.path == CLASSIC_PATH:
            return json_answer(200, {"status": number, "reason": message}, code=name)
        return json_answer(status, {"error": {"code": name, "message": message}}, code=name)

    def authorised(self, call: Call) -> bool:
        """Whether the key is the account's."""
        if call.path == CLASSIC_PATH:
            return _fields(call).get("user_key") == API_KEY
        return call.headers.get("authorization") == f"Bearer {API_KEY}"

    def magic(self, recipient: str) -> Behaviour | None:
        """The sandbox's magic numbers."""
        return _MAGIC.get(recipient)

    def delivery(self, call: Call) -> str | None:
        """The caller's own id."""
        return find_delivery(str(_fields(call).get("id", "")))

    def preview(self, entry: Entry) -> Preview:
        """The SMS."""
        fields = read_fields(entry)
        facts = tuple((name, str(value)) for name, value in fields.items() if name != "user_key")
        text = str(fields.get("text", ""))
        return Preview(Kind.SMS, text=text, facts=(*facts, ("Segments", str(segments(text)))))

    def _send(self, call: Call) -> Answer:
        if not self.authorised(call):
            return self.error("unauthorized", call)
        if problem := _problem(call):
            return self.error(problem, call)
        if call.path == CLASSIC_PATH:
            number = next(self._numbers)
            return json_answer(200, {"status": 0, "data": {"message_id": number}}, accepted=True, reference=str(number))
        identifier = uuid4().hex
        return json_answer(201, {"id": identifier, "status": "queued"}, accepted=True, reference=identifier)


def read_fields(entry: Entry) -> Mapping[str, Any]:
    """What a call of the journal was given, by the names of the first dialect."""
    target = urlsplit(str(entry.received.get("path", "")))
    return _named(target.path, target.query, str(entry.received.get("body", "")))


def _fields(call: Call) -> Mapping[str, Any]:
    return _named(call.path, urlsplit(call.target).query, call.body.decode(errors="replace"))


def _named(path: str, query: str, body: str) -> Mapping[str, Any]:
    if path != CLASSIC_PATH:
        try:
            fields = orjson.loads(body)
        except orjson.JSONDecodeError:
            return {}
        return fields if isinstance(fields, dict) else {}
    fields = dict(parse_qsl(query or body, keep_blank_values=True))
    named = {_CLASSIC.get(name, f"?{name}"): value for name, value in fields.items()}
    if "to" in named:
        # Digits alone: a plus sign is refused, as it is no number then.
        named["to"] = f"+{named['to']}"
    return named


def _recipient(call: Call) -> str | None:
    to = _fields(call).get("to")
    return to if isinstance(to, str) else None


def _problem(call: Call) -> str | None:
    """The code of what is wrong with a call."""
    fields = dict(_fields(call))
    fields.pop("user_key", None)
    kind = call.headers.get("content-type", "").partition(";")[0].strip()
    if call.method == "POST":
        expected = "application/x-www-form-urlencoded" if call.path == CLASSIC_PATH else "application/json"
        if kind != expected:
            return "malformed"
    if call.path != CLASSIC_PATH and not isinstance(call.json, dict):
        return "malformed"
    if fields.keys() - {"to", "text", "from", "id"} - ({"ttl"} if call.path == CLASSIC_PATH else set()):
        return "unknown_field"
    if not all(isinstance(value, str) for value in fields.values()):
        return "malformed"
    if not _NUMBER.fullmatch(fields.get("to", "")):
        return "invalid_number"
    if not 1 <= len(fields.get("text", "")) <= _LONGEST_TEXT:
        return "invalid_text"
    if "from" in fields and not _SENDER.fullmatch(fields["from"]):
        return "invalid_sender"
    if len(fields.get("id", "x")) not in range(1, _LONGEST_ID + 1) or not fields.get("ttl", "1").isdecimal():
        return "malformed"
    return None
