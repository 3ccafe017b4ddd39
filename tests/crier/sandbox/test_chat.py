"""The stand-ins of chat services: they take what their vendors take, and refuse what these refuse."""

from typing import Any

import pytest
import requests

from crier.sandbox import Sandbox
from crier.sandbox.chat import discord, slack, teams, telegram

SLACK = f"/slack/services/{slack.TEAM}/BOPS/{slack.TOKEN}"
DISCORD = f"/discord/api/webhooks/{discord.number_of('ops')}/{discord.TOKEN}"
TELEGRAM = f"/telegram/bot{telegram.BOT}/sendMessage"
TEAMS = f"/teams/workflows/abc/triggers/manual/paths/invoke?sig={teams.SIGNATURE}"
CARD = {
    "type": "message",
    "attachments": [
        {
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {"body": [{"id": "title", "text": "A title"}, {"id": "body", "text": "Hello"}]},
        }
    ],
}


def post(sandbox: Sandbox, path: str, body: Any, **headers: str) -> requests.Response:
    return requests.post(sandbox.url + path, json=body, headers=headers, timeout=10)


@pytest.mark.parametrize(
    ("vendor", "path", "body", "status", "said"),
    [
        ("slack", SLACK, {"attachments": [{"title": "A title", "text": "Hello"}]}, 200, "ok"),
        ("discord", DISCORD, {"embeds": [{"title": "A title", "description": "Hello"}]}, 204, ""),
        ("telegram", TELEGRAM, {"chat_id": 1, "text": "*A title*\nHello"}, 200, '"message_id":1'),
        ("teams", TEAMS, CARD, 202, ""),
    ],
)
def test_it_takes_a_message(sandbox: Sandbox, vendor: str, path: str, body: Any, status: int, said: str) -> None:
    answer = post(sandbox, path, body)
    assert answer.status_code == status
    assert said.partition(":")[0] in answer.text
    [entry] = sandbox.calls(vendor)
    assert entry.accepted
    preview = sandbox.preview(entry)
    assert f"{preview.title}\n{preview.text}".strip() == "A title\nHello"
    page = requests.get(sandbox.url, params={"vendor": vendor}, timeout=10).text
    assert "Hello" in page


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        (SLACK.replace(slack.TOKEN, "x"), {"text": "Hello"}, 403, "invalid_token"),
        (SLACK.replace(slack.TEAM, "TX"), {"text": "Hello"}, 404, "no_team"),
        (SLACK, {}, 400, "no_text"),
        (SLACK, [], 400, "invalid_payload"),
        (SLACK, {"attachments": [{"text": "x"}] * 101}, 400, "too_many_attachments"),
        (DISCORD[:-1], {"content": "Hello"}, 401, "50027"),
        (DISCORD, {}, 400, "50006"),
        (DISCORD, {"content": "x" * 2001}, 400, "50035"),
        (DISCORD, {"embeds": [{"description": "x" * 4097}]}, 400, "50035"),
        (DISCORD, {"embeds": [{"description": "x", "author": {"name": "x", "url": ""}}]}, 400, "50035"),
        (TELEGRAM.replace("bot1", "bot2"), {"chat_id": 1, "text": "Hello"}, 401, "Unauthorized"),
        (TELEGRAM, {"chat_id": 1}, 400, "message text is empty"),
        (TELEGRAM, {"text": "Hello"}, 400, "chat not found"),
        (TELEGRAM, {"chat_id": 1, "text": "a.b", "parse_mode": "MarkdownV2"}, 400, "can't parse entities"),
        (TEAMS[:-1], CARD, 401, "DirectApiAuthorizationRequired"),
        (TEAMS, {"text": "Hello"}, 400, "TriggerInputSchemaMismatch"),
        (TEAMS, {"text": "x" * 30_000}, 413, "RequestEntityTooLarge"),
    ],
)
def test_it_refuses_what_its_vendor_refuses(sandbox: Sandbox, path: str, body: Any, status: int, said: str) -> None:
    answer = post(sandbox, path, body)
    assert answer.status_code == status
    assert said in answer.text
    assert not any(entry.accepted for entry in sandbox.calls())


def test_slacks_api_says_no_with_a_200(sandbox: Sandbox) -> None:
    body = {"channel": "#ops", "text": "Hello"}
    refused = post(sandbox, "/slack/api/chat.postMessage", body, Authorization="Bearer xoxb-0")
    assert (refused.status_code, refused.json()) == (200, {"ok": False, "error": "invalid_auth"})
    taken = post(sandbox, "/slack/api/chat.postMessage", body, Authorization=f"Bearer {slack.BOT_TOKEN}").json()
    assert taken["ok"]
    assert [entry.recipient for entry in sandbox.calls("slack", recipient="#ops")] == ["#ops", "#ops"]


def test_who_sends_too_much_is_told_when_to_come_back(sandbox: Sandbox) -> None:
    for vendor, error in (("slack", "rate_limited"), ("discord", "rate-limited"), ("telegram", "too-many")):
        sandbox.behave(vendor, error=error)
    answers = [post(sandbox, path, {"text": "Hello"}) for path in (SLACK, DISCORD, TELEGRAM)]
    assert [answer.status_code for answer in answers] == [429, 429, 429]
    assert answers[0].headers["Retry-After"] == "30"
    assert answers[1].json()["retry_after"] == 2.5
    assert answers[2].json()["parameters"]["retry_after"] == 12
