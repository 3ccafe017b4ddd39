"""Telegram's Bot API: https://core.telegram.org/bots/api#sendmessage."""

import re
import zlib
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from crier.sandbox.journal import Entry
from crier.sandbox.preview import Kind, Preview
from crier.sandbox.vendor import Answer, Call, HttpVendor, Route, json_answer

PATH = "/telegram"
BOT = "123456789:" + uuid5(NAMESPACE_URL, "crier:sandbox:telegram").hex
LONGEST = 4096

ERRORS: Mapping[str, tuple[int, str]] = {
    "bad-request": (400, "Bad Request: message text is empty"),
    "chat-not-found": (400, "Bad Request: chat not found"),
    "upgraded": (400, "Bad Request: group chat was upgraded to a supergroup chat"),
    "unauthorized": (401, "Unauthorized"),
    "blocked": (403, "Forbidden: bot was blocked by the user"),
    "not-found": (404, "Not Found"),
    "too-many": (429, "Too Many Requests: retry after 12"),
    "server-error": (500, "Internal Server Error"),
}
_ESCAPED, _DESTINATION = re.compile(r"\\."), re.compile(r"\]\([^)]*\)")
_RESERVED = re.compile(r"[>#+\-=|{}.!()]")
_MARK = re.compile(r"\\(.)|[*_~`]")


class Telegram(HttpVendor):
    """A bot that is in any chat."""

    name = "telegram"
    errors = tuple(ERRORS)

    def __init__(self, folder: Path, base_url: str) -> None:
        super().__init__(folder, base_url)
        self._numbers = count(1)

    def routes(self) -> Sequence[Route]:
        """Sending a message."""
        return (Route("POST", PATH + "/bot{token}/sendMessage", "send", self._send, _chat_of),)

    def environment(self) -> dict[str, str]:
        """Points Crier here."""
        return {"TELEGRAM_BASE_URL": self.base_url + PATH}

    @staticmethod
    def url(name: str) -> str:
        """The address of a chat."""
        return f"tgram://{BOT}/{number_of(name)}"

    def error(self, name: str, call: Call) -> Answer:
        """A refusal with its description."""
        status, description = ERRORS[name]
        body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
        if name == "too-many":
            body["parameters"] = {"retry_after": 12}
        return json_answer(status, body, code=str(status))

    def preview(self, entry: Entry) -> Preview:
        """The message."""
        try:
            text = str(orjson.loads(str(entry.received.get("body", "")))["text"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return Preview()
        return Preview(Kind.CHAT, text=_MARK.sub(lambda mark: mark[1] or "", text))

    def _send(self, call: Call) -> Answer:
        if call.parameters["token"] != BOT:
            return self.error("unauthorized", call)
        body = call.json
        if not isinstance(body, dict) or not body.get("text"):
            return self.error("bad-request", call)
        if not body.get("chat_id"):
            return self.error("chat-not-found", call)
        text = str(body["text"])
        if len(text) > LONGEST * 2 or (body.get("parse_mode") == "MarkdownV2" and not _parses(text)):
            said = {"ok": False, "error_code": 400, "description": "Bad Request: can't parse entities"}
            return json_answer(400, said, code="400")
        number = next(self._numbers)
        result = {"message_id": number, "chat": {"id": body["chat_id"]}, "text": text}
        return json_answer(200, {"ok": True, "result": result}, accepted=True, reference=str(number))


def number_of(name: str) -> int:
    """The chat's id: the same for a name at any time."""
    return zlib.crc32(name.encode()) + 1


def _chat_of(call: Call) -> str | None:
    chat = call.json.get("chat_id") if isinstance(call.json, dict) else None
    return None if chat is None else str(chat)


def _parses(text: str) -> bool:
    """Whether every sign that MarkdownV2 reserves has a backslash before it, but those that mean something."""
    return not _RESERVED.search(_DESTINATION.sub("]", _ESCAPED.sub("", text)))
