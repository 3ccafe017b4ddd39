"""Slack: incoming webhooks, and `chat.postMessage` of the Web API.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
https://docs.slack.dev/reference/methods/chat.postMessage
"""

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from crier.sandbox.journal import Entry
from crier.sandbox.preview import Kind, Preview
from crier.sandbox.vendor import Answer, Call, HttpVendor, Route, json_answer

PATH = "/slack"
TEAM = "TSANDBOX"
TOKEN = uuid5(NAMESPACE_URL, "crier:sandbox:slack").hex
BOT_TOKEN = "xoxb-" + uuid5(NAMESPACE_URL, "crier:sandbox:slack-bot").hex
LONGEST = 40_000
"""Characters of a text; Slack cuts off what is beyond (https://docs.slack.dev/changelog/2018-truncating-really-long-messages)."""

WEBHOOK_ERRORS: Mapping[str, int] = {
    "invalid_payload": 400,
    "no_text": 400,
    "too_many_attachments": 400,
    "user_not_found": 400,
    "action_prohibited": 403,
    "posting_to_general_channel_denied": 403,
    "invalid_token": 403,
    "team_disabled": 403,
    "channel_not_found": 404,
    "no_service": 404,
    "no_team": 404,
    "channel_is_archived": 410,
    "rate_limited": 429,
    "rollup_error": 500,
}
"""Words of webhooks, and their statuses."""
API_ERRORS = (
    "msg_too_long", "not_in_channel", "is_archived", "restricted_action", "invalid_auth", "not_authed",
    "account_inactive", "token_revoked", "token_expired", "missing_scope", "ratelimited", "service_unavailable",
)  # fmt: skip
"""Words of the API, which answers 200 to all but too many."""


class Slack(HttpVendor):
    """A workspace with a webhook and a channel of any name."""

    name = "slack"
    errors = (*WEBHOOK_ERRORS, *API_ERRORS)

    def __init__(self, folder: Path, base_url: str) -> None:
        super().__init__(folder, base_url)
        self._numbers = count(1)

    def routes(self) -> Sequence[Route]:
        """Webhooks and the API."""
        return (
            Route("POST", PATH + "/services/{team}/{name}/{token}", "send", self._webhook, _webhook_of),
            Route("POST", PATH + "/api/chat.postMessage", "send", self._post, _channel_of),
        )

    def environment(self) -> dict[str, str]:
        """Points Crier here."""
        return {"SLACK_BASE_URL": self.base_url + PATH}

    @staticmethod
    def url(name: str) -> str:
        """The address of a webhook."""
        return f"slack://{TEAM}/{name}/{TOKEN}"

    def error(self, name: str, call: Call) -> Answer:
        """A refusal: a word, or JSON with that word."""
        headers = {"Retry-After": "30"} if name in ("rate_limited", "ratelimited") else {}
        if name in API_ERRORS or "/api/" in call.path:
            status = 429 if name == "ratelimited" else 200
            return json_answer(status, {"ok": False, "error": name}, code=name, headers=headers)
        return Answer(WEBHOOK_ERRORS[name], name.encode(), {"Content-Type": "text/plain", **headers}, code=name)

    def preview(self, entry: Entry) -> Preview:
        """The message."""
        return _preview(_body_of(entry))

    def _webhook(self, call: Call) -> Answer:
        if call.parameters["team"] != TEAM:
            return self.error("no_team", call)
        if call.parameters["token"] != TOKEN:
            return self.error("invalid_token", call)
        if problem := _problem(call.json):
            return self.error(problem, call)
        return Answer(200, b"ok", {"Content-Type": "text/plain"}, accepted=True)

    def _post(self, call: Call) -> Answer:
        if call.headers.get("authorization") != f"Bearer {BOT_TOKEN}":
            return self.error("invalid_auth", call)
        if problem := _problem(call.json):
            return self.error(problem, call)
        if not call.json.get("channel"):
            return self.error("channel_not_found", call)
        stamp = f"1700000000.{next(self._numbers):06d}"
        answer = {"ok": True, "channel": "C0123456789", "ts": stamp}
        return json_answer(200, answer, accepted=True, reference=stamp)


def _problem(body: object) -> str | None:
    if not isinstance(body, dict):
        return "invalid_payload"
    attachments = body.get("attachments", [])
    if not isinstance(attachments, list):
        return "invalid_payload"
    if len(attachments) > 100:
        return "too_many_attachments"
    texts = [body.get("text"), *(one.get("text") for one in attachments if isinstance(one, dict))]
    if not any(texts) and not body.get("blocks"):
        return "no_text"
    return "msg_too_long" if any(len(text or "") > LONGEST for text in texts) else None


def _webhook_of(call: Call) -> str | None:
    return call.parameters.get("name")


def _channel_of(call: Call) -> str | None:
    channel = call.json.get("channel") if isinstance(call.json, dict) else None
    return channel if isinstance(channel, str) else None


def _body_of(entry: Entry) -> object:
    return Call("", "", "", {}, {}, {}, str(entry.received.get("body", "")).encode()).json


def _preview(body: object) -> Preview:
    if _problem(body) or not isinstance(body, dict):
        return Preview()
    shown = next(iter(body.get("attachments") or []), body)
    facts = tuple((name, str(shown[name])) for name in ("color",) if shown.get(name))
    return Preview(Kind.CHAT, title=str(shown.get("title") or ""), text=str(shown.get("text") or ""), facts=facts)
