"""Workflows of Microsoft Teams, started by a webhook with an adaptive card.

https://learn.microsoft.com/azure/connectors/connectors-native-reqres,
https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import orjson

from crier.sandbox.journal import Entry
from crier.sandbox.preview import Kind, Preview
from crier.sandbox.vendor import Answer, Call, HttpVendor, Route, json_answer

PATH = "/teams"
HOST = "prod-00.westeurope.logic.azure.com"
SIGNATURE = uuid5(NAMESPACE_URL, "crier:sandbox:teams").hex
LARGEST = 28 * 1024

ERRORS: Mapping[str, tuple[int, str, str]] = {
    "mismatch": (400, "TriggerInputSchemaMismatch", "The input body for trigger 'manual' is not of its schema."),
    "unauthorized": (401, "DirectApiAuthorizationRequired", "The request must be authenticated."),
    "forbidden": (403, "Forbidden", "The caller may not do that."),
    "not-found": (404, "WorkflowNotFound", "The workflow could not be found."),
    "too-large": (413, "RequestEntityTooLarge", "The request is too large."),
    "too-many": (429, "TooManyRequests", "Rate limit is exceeded."),
    "server-error": (500, "InternalServerError", "Something went wrong."),
    "bad-gateway": (502, "NoResponse", "The server did not receive a response from an upstream server."),
}


class Teams(HttpVendor):
    """A workflow for any name."""

    name = "teams"
    errors = tuple(ERRORS)

    def routes(self) -> Sequence[Route]:
        """Starting a workflow."""
        return (
            Route("POST", PATH + "/workflows/{workflow}/triggers/manual/paths/invoke", "send", self._start, _workflow),
        )

    def environment(self) -> dict[str, str]:
        """Points Crier here."""
        return {"TEAMS_BASE_URL": self.base_url + PATH}

    @staticmethod
    def url(name: str) -> str:
        """The address of a workflow."""
        return f"workflows://{HOST}/{name}/{SIGNATURE}"

    def error(self, name: str, call: Call) -> Answer:
        """A refusal with its code."""
        status, code, message = ERRORS[name]
        return json_answer(status, {"error": {"code": code, "message": message}}, code=code)

    def preview(self, entry: Entry) -> Preview:
        """The card."""
        try:
            blocks = orjson.loads(str(entry.received.get("body", "")))["attachments"][0]["content"]["body"]
        except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
            return Preview()
        said = {block.get("id"): str(block.get("text", "")) for block in blocks if isinstance(block, dict)}
        return Preview(Kind.CHAT, title=said.get("title", ""), text=said.get("body", ""))

    def _start(self, call: Call) -> Answer:
        if call.query.get("sig") != SIGNATURE:
            return self.error("unauthorized", call)
        if len(call.body) > LARGEST:
            return self.error("too-large", call)
        if not _is_card(call.json):
            return self.error("mismatch", call)
        run = uuid4().hex
        return Answer(202, b"", {"x-ms-workflow-run-id": run}, accepted=True, reference=run)


def _workflow(call: Call) -> str | None:
    return call.parameters.get("workflow")


def _is_card(body: Any) -> bool:
    if not isinstance(body, dict) or body.get("type") != "message":
        return False
    cards = body.get("attachments") or []
    return bool(cards) and all(
        isinstance(card, dict) and card.get("contentType") == "application/vnd.microsoft.card.adaptive"
        for card in cards
    )
