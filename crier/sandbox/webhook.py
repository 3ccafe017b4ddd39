"""A receiver of webhooks, as a customer would write one: it verifies with `standardwebhooks` and drops repetitions.

- `PUT /webhook/NAME/secret` with `Authorization: Bearer whsec_…`, which the journal does not show: what receiver NAME
  verifies with from now on. Several, for the time of a rotation, are separated by spaces. Until then it refuses all.
- `POST /webhook/NAME`: a webhook. Answers 200, to one it has had before too; 400 where the signature is not by a secret
  of its own, the time is more than five minutes off, or the payload is not that of Standard Webhooks.

Errors it can be told to answer with: gone, internal_error, redirect, too_many_requests, unauthorized, unavailable.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from standardwebhooks import Webhook, WebhookVerificationError

from crier.sandbox.journal import Entry
from crier.sandbox.preview import Kind, Preview
from crier.sandbox.vendor import Answer, Call, HttpVendor, Route, find_delivery, json_answer

PATH = "/webhook"
ERRORS: Mapping[str, tuple[int, str]] = {
    "gone": (410, "There is nothing here any more."),
    "internal_error": (500, "Something went wrong."),
    "redirect": (302, "It is elsewhere."),
    "too_many_requests": (429, "Too many requests."),
    "unauthorized": (401, "Who are you?"),
    "unavailable": (503, "It is closed for the night."),
}


class WebhookReceiver(HttpVendor):
    """Any number of receivers, by name."""

    name = "webhook"
    errors = tuple(ERRORS)
    stages = ("send", "secret")

    def __init__(self, folder: Path, base_url: str) -> None:
        super().__init__(folder, base_url)
        self._secrets: dict[str, list[str]] = {}
        self._had: set[tuple[str, str]] = set()

    def routes(self) -> Sequence[Route]:
        """Webhooks, and the secrets they are verified with."""
        return (
            Route("POST", PATH + "/{name}", "send", self._receive, _name),
            Route("PUT", PATH + "/{name}/secret", "secret", self._learn, _name),
        )

    def environment(self) -> dict[str, str]:
        """Lets Crier send to this machine, over plain HTTP."""
        return {"CRIER_WEBHOOK_ALLOW_HTTP": "true", "CRIER_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}

    def url(self, name: str) -> str:
        """The address of a receiver."""
        return f"{self.base_url}{PATH}/{name}"

    def learn(self, name: str, *secrets: str) -> None:
        """Verify with these from now on."""
        self._secrets[name] = list(secrets)

    def error(self, name: str, call: Call) -> Answer:
        """An answer of failure."""
        status, message = ERRORS[name]
        headers = {"Location": f"{self.base_url}{PATH}/elsewhere"} if name == "redirect" else None
        return json_answer(status, {"error": message}, code=name, headers=headers)

    def delivery(self, call: Call) -> str | None:
        """What Crier sends as `webhook-id`."""
        return find_delivery(call.headers.get("webhook-id"))

    def preview(self, entry: Entry) -> Preview:
        """What happened."""
        body = _json(str(entry.received.get("body", "")).encode())
        if "type" not in body:
            return Preview()
        text = orjson.dumps(body.get("data"), option=orjson.OPT_INDENT_2).decode()
        return Preview(
            Kind.WEBHOOK, title=str(body["type"]), text=text, facts=(("Timestamp", str(body.get("timestamp"))),)
        )

    def remember(self, entry: Entry) -> None:
        """Know again what was received in an earlier run."""
        if entry.accepted and entry.reference:
            self._had.add((str(entry.recipient), entry.reference))

    def forget(self) -> None:
        """Drop what was received, and every secret."""
        self._had.clear()
        self._secrets.clear()

    def _learn(self, call: Call) -> Answer:
        bearer, *secrets = call.headers.get("authorization", "nobody").split()
        if bearer != "Bearer" or not secrets:
            return json_answer(400, {"error": "Send Authorization: Bearer whsec_…"})
        self.learn(str(call.parameters["name"]), *secrets)
        return json_answer(200, {})

    def _receive(self, call: Call) -> Answer:
        name = str(call.parameters["name"])
        if not any(_verifies(secret, call) for secret in self._secrets.get(name, ())):
            return json_answer(400, {"error": "The signature is not the endpoint's, or too old."}, code="signature")
        body = _json(call.body)
        if body.keys() != {"type", "timestamp", "data"}:
            return json_answer(400, {"error": "type, timestamp and data are expected."}, code="payload")
        identifier = call.headers["webhook-id"]
        again = (name, identifier) in self._had
        self._had.add((name, identifier))
        return json_answer(200, {}, accepted=not again, reference=identifier)


def _verifies(secret: str, call: Call) -> bool:
    try:
        Webhook(secret).verify(call.body, dict(call.headers))
    except (WebhookVerificationError, ValueError):
        return False
    return True


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _name(call: Call) -> str | None:
    return call.parameters.get("name")
