"""A stand-in for Firebase Cloud Messaging's HTTP v1 API and the OAuth endpoint that goes with it.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send

Magic registration tokens, by how they begin (FCM has none of its own):
`unregistered-` `invalid-` `mismatch-` `quota-` `unavailable-` `internal-` `apns-` are refused with
UNREGISTERED, INVALID_ARGUMENT, SENDER_ID_MISMATCH, QUOTA_EXCEEDED (Retry-After 30), UNAVAILABLE, INTERNAL,
THIRD_PARTY_AUTH_ERROR; `slow-` is answered after 5 s, `hang-` is accepted and never answered, `drop-` is
accepted and the connection closes.
"""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from crier.sandbox.behaviour import Behaviour, Fault
from crier.sandbox.fcm import answers, form
from crier.sandbox.fcm.google_token import ERRORS as TOKEN_ERRORS
from crier.sandbox.fcm.google_token import TokenEndpoint, make_service_account, refuse
from crier.sandbox.journal import Entry
from crier.sandbox.preview import Kind, Preview
from crier.sandbox.vendor import Answer, Call, HttpVendor, Route, find_delivery, json_answer

PROJECT = "crier-sandbox"
_TARGETS = ("token", "topic", "condition")
_TOKEN = re.compile(r"[\w:.~-]{1,4096}")
_MAGIC = {
    "unregistered-": Behaviour(error="UNREGISTERED"),
    "invalid-": Behaviour(error="INVALID_ARGUMENT"),
    "mismatch-": Behaviour(error="SENDER_ID_MISMATCH"),
    "quota-": Behaviour(error="QUOTA_EXCEEDED", retry_after=30),
    "unavailable-": Behaviour(error="UNAVAILABLE"),
    "internal-": Behaviour(error="INTERNAL"),
    "apns-": Behaviour(error="THIRD_PARTY_AUTH_ERROR"),
    "slow-": Behaviour(delay=5),
    "hang-": Behaviour(fault=Fault.HANG),
    "drop-": Behaviour(fault=Fault.CLOSE),
}


class Fcm(HttpVendor):
    """One Firebase project with one service account, whose key file is made in the folder."""

    name = "fcm"
    errors = (*answers.NAMES, *TOKEN_ERRORS)
    stages = ("send", "token")

    def __init__(self, folder: Path, base_url: str) -> None:
        super().__init__(folder, base_url)
        self.credentials = folder / "firebase-service-account.json"
        make_service_account(self.credentials, project=PROJECT, token_uri=f"{base_url}/token")
        self.tokens = TokenEndpoint(self.credentials)

    def routes(self) -> Sequence[Route]:
        """The token endpoint and `messages:send`."""
        return (
            Route("POST", "/token", "token", self.tokens.issue),
            Route("POST", "/v1/projects/{project}/messages:send", "send", self._send, _recipient),
        )

    def environment(self) -> dict[str, str]:
        """The key file and the base URL."""
        return {"FIREBASE_CREDENTIALS_PATH": str(self.credentials), "FCM_BASE_URL": self.base_url}

    def error(self, name: str, call: Call) -> Answer:
        """A documented error; an OAuth one for lower-case names."""
        if name in TOKEN_ERRORS:
            return refuse(name, TOKEN_ERRORS[name])
        return answers.answer(name, call.parameters.get("project", PROJECT))

    def authorised(self, call: Call) -> bool:
        """Whether the access token is good."""
        return self.tokens.accepts(call.headers.get("authorization"))

    def magic(self, recipient: str) -> Behaviour | None:
        """The sandbox's magic tokens."""
        return next((rule for prefix, rule in _MAGIC.items() if recipient.startswith(prefix)), None)

    def delivery(self, call: Call) -> str | None:
        """In the analytics label, or in the data under a key of Crier's."""
        message = _message(call)
        named = [value for key, value in _section(message, "data").items() if "crier" in key]
        label = _section(message, "fcm_options").get("analytics_label")
        return find_delivery(*(text for text in (*named, label) if isinstance(text, str)))

    def preview(self, entry: Entry) -> Preview:
        """The notification, as Android and the web show it."""
        message = _message_of(entry)
        if entry.action != "send" or not message:
            return Preview()
        android = _section(message, "android")
        shown = _section(message, "notification") | _section(android, "notification")
        facts: dict[str, Any] = {name: message[name] for name in _TARGETS if name in message}
        only_android = {name: value for name, value in shown.items() if name not in ("title", "body", "image")}
        facts |= {f"android.{name}": value for name, value in only_android.items()}
        aps = _section(_section(message, "apns"), "payload").get("aps")
        facts |= {f"aps.{name}": value for name, value in (aps if isinstance(aps, dict) else {}).items()}
        data = _section(message, "data") | _section(android, "data")
        facts |= {f"data.{name}": value for name, value in data.items()}
        if link := _section(_section(message, "webpush"), "fcm_options").get("link"):
            facts["link"] = link
        return Preview(
            Kind.PUSH,
            title=str(shown.get("title", "")),
            text=str(shown.get("body", "")),
            image=str(shown["image"]) if shown.get("image") else None,
            facts=tuple((name, str(value)) for name, value in facts.items()),
        )

    def _send(self, call: Call) -> Answer:
        project = call.parameters["project"]
        if not self.authorised(call):
            return answers.answer("UNAUTHENTICATED", project)
        if project != PROJECT:
            return answers.answer("PERMISSION_DENIED", project)
        if call.json is None:
            return answers.malformed([("", "Invalid JSON payload received. Unexpected token.")])
        if wrong := list(form.violations(call.json)):
            return answers.malformed(wrong)
        message = _message(call)
        if problem := form.problem(message):
            return answers.invalid(*problem)
        if not _TOKEN.fullmatch(message.get("token", "topic")):
            return self.error("INVALID_ARGUMENT", call)
        if form.snake(call.json).get("validate_only"):
            return json_answer(200, {"name": f"projects/{project}/messages/fake_message_id"})
        name = f"projects/{project}/messages/0:{time.time_ns() // 1000}%{uuid4().hex[:16]}"
        return json_answer(200, {"name": name}, accepted=True, reference=name)


def _message(call: Call) -> dict[str, Any]:
    return _section(_section(call.json), "message")


def _message_of(entry: Entry) -> dict[str, Any]:
    try:
        return _section(_section(orjson.loads(entry.received.get("body", ""))), "message")
    except orjson.JSONDecodeError:
        return {}


def _section(value: Any, name: str | None = None) -> dict[str, Any]:
    """`value` with its names in snake_case, or what it has under `name`; empty if that is no object."""
    found = form.snake(value) if name is None else value.get(name)
    return found if isinstance(found, dict) else {}


def _recipient(call: Call) -> str | None:
    message = _message(call)
    if isinstance(topic := message.get("topic"), str):
        return f"/topics/{topic}"
    target = message.get("token") or message.get("condition")
    return target if isinstance(target, str) else None
