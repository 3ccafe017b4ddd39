"""Discord's webhooks: https://discord.com/developers/docs/resources/webhook#execute-webhook."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

import orjson

from crier.sandbox.journal import Entry
from crier.sandbox.preview import Kind, Preview
from crier.sandbox.vendor import Answer, Call, HttpVendor, Route, json_answer

PATH = "/discord"
TOKEN = uuid5(NAMESPACE_URL, "crier:sandbox:discord").hex * 2
LIMITS: Mapping[str, int] = {"title": 256, "description": 4096}
"""Characters of an embed's parts: https://discord.com/developers/docs/resources/message#embed-object-embed-limits."""

ERRORS: Mapping[str, tuple[int, int, str]] = {
    "unknown-channel": (404, 10003, "Unknown Channel"),
    "unknown-webhook": (404, 10015, "Unknown Webhook"),
    "too-large": (413, 40005, "Request entity too large"),
    "empty": (400, 50006, "Cannot send an empty message"),
    "permissions": (403, 50013, "Missing Permissions"),
    "token": (401, 50027, "Invalid Webhook Token"),
    "form": (400, 50035, "Invalid Form Body"),
    "archived": (400, 50083, "Thread is archived"),
    "no-thread": (400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id"),
    "rate-limited": (429, 0, "You are being rate limited."),
    "server-error": (500, 0, "500: Internal Server Error"),
}
"""Status, code and words."""


class Discord(HttpVendor):
    """A webhook for any name."""

    name = "discord"
    errors = tuple(ERRORS)

    def routes(self) -> Sequence[Route]:
        """Executing a webhook."""
        return (Route("POST", PATH + "/api/webhooks/{webhook}/{token}", "send", self._execute, _webhook_of),)

    def environment(self) -> dict[str, str]:
        """Points Crier here."""
        return {"DISCORD_BASE_URL": self.base_url + PATH}

    @staticmethod
    def url(name: str) -> str:
        """The address of a webhook."""
        return f"discord://{number_of(name)}/{TOKEN}"

    def error(self, name: str, call: Call) -> Answer:
        """A refusal with its code."""
        status, code, message = ERRORS[name]
        body: dict[str, Any] = {"message": message, "code": code}
        if name == "rate-limited":
            body = {"message": message, "retry_after": 2.5, "global": False}
        return json_answer(status, body, code=str(code or status))

    def preview(self, entry: Entry) -> Preview:
        """The message."""
        try:
            body = orjson.loads(str(entry.received.get("body", "")))
            embed = body["embeds"][0]
        except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
            return Preview()
        return Preview(Kind.CHAT, title=str(embed.get("title") or ""), text=str(embed.get("description") or ""))

    def _execute(self, call: Call) -> Answer:
        if call.parameters["token"] != TOKEN:
            return self.error("token", call)
        if problem := _problem(call.json):
            return self.error(problem, call)
        # Without ?wait=true nothing is said of the message.
        return Answer(204, b"", {}, accepted=True)


def number_of(name: str) -> int:
    """The webhook's id: the same for a name at any time."""
    return 10**17 + zlib.crc32(name.encode())


def _webhook_of(call: Call) -> str | None:
    return call.parameters.get("webhook")


def _problem(body: object) -> str | None:
    if not isinstance(body, dict):
        return "form"
    content, embeds = body.get("content") or "", body.get("embeds") or []
    if not content and not embeds:
        return "empty"
    if len(content) > 2000 or not isinstance(embeds, list) or len(embeds) > 10:
        return "form"
    for embed in embeds:
        if not isinstance(embed, dict) or not _is_web(embed.get("url")) or not _is_web(_author_url(embed)):
            return "form"
        if any(len(embed.get(part) or "") > longest for part, longest in LIMITS.items()):
            return "form"
    return None


def _author_url(embed: Mapping[str, Any]) -> Any:
    author = embed.get("author")
    return author.get("url") if isinstance(author, dict) else None


def _is_web(url: Any) -> bool:
    return url is None or (isinstance(url, str) and urlsplit(url).scheme in ("http", "https"))
