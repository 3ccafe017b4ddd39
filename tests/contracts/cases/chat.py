"""The chat services of which there are stand-ins. What opens a destination is in its address, not in settings."""

import json
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any
from uuid import UUID

from crier.sandbox import Entry
from crier.sandbox.chat import Discord, Slack, Teams, Telegram, discord, slack, teams, telegram
from services.chat.providers import VENDORS, discord_codes, slack_codes, telegram_codes
from services.chat.providers.answers import row_word
from shared.errors import Ambiguous
from shared.messages.chat import ChatContent, ChatMessage
from shared.messages.markup import BREAK
from shared.providers.outcomes import Row
from shared.providers.port import Sent
from tests.contracts.case import ALERT, CANARY, REFUSED, Case, Environment, Expected, Received, after, answered, later

AFTER_A_MINUTE = after(60, "destination")
LOST = Expected(Ambiguous, blames="destination")
STATUSES: Mapping[int, Expected] = {
    **dict.fromkeys((402, 403, 404), ALERT), **dict.fromkeys((408, 425), later("destination")),
    429: AFTER_A_MINUTE, **dict.fromkeys((200, 500, 502, 503), LOST),
}  # fmt: skip
"""Whatever it is, it concerns this destination alone."""
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def _message(service: str, delivery_id: UUID, url: str, text: str) -> ChatMessage:
    return ChatMessage(delivery_id, "a destination", ChatContent(text), service=service, url=url)


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text).replace(BREAK, "")


def _body(entry: Entry) -> dict[str, Any]:
    return dict(json.loads(entry.received["body"]))


def _read_slack(entry: Entry) -> Received:
    [attachment] = _body(entry)["attachments"]
    said = attachment["text"].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace(BREAK, "")
    return Received(Slack.url(str(entry.recipient)), said)


def _read_discord(entry: Entry) -> Received:
    [embed] = _body(entry)["embeds"]
    assert entry.recipient == str(discord.number_of("ops"))
    return Received(DISCORD.target, _plain(embed["description"]))


def _read_telegram(entry: Entry) -> Received:
    assert entry.recipient == str(telegram.number_of("ops"))
    return Received(TELEGRAM.target, _plain(_body(entry)["text"]))


def _read_teams(entry: Entry) -> Received:
    [card] = _body(entry)["attachments"]
    [block] = card["content"]["body"]
    return Received(Teams.url(str(entry.recipient)), _plain(block["text"]))


def _case(
    name: str, url: str, token: str, refusals: Mapping[str, Expected], read: Any, *, codes: ModuleType | None = None,
    cut_short: type[Any] = Ambiguous, padded: type[Any] = Ambiguous, **more: Any,
) -> Case:  # fmt: skip
    def row_of(entry: Entry) -> Row | None:
        word = row_word(name, answered(entry))
        return codes.OUTCOMES[word] if codes and word else None

    def elsewhere(settings: Environment, host: str, port: int) -> Environment:
        return {**settings, f"{name.upper()}_BASE_URL": f"http://{host}:{port}/{name}"}

    return Case(
        name=name,
        vendor=VENDORS["apprise"],
        message=lambda delivery_id, target, text: _message(name, delivery_id, target, text),
        read=read,
        target=url,
        stranger=url.replace(token, ("9" if name == "telegram" else "") + CANARY.replace("-", "") + "a" * 20),
        login=ALERT,
        arrives=str.rstrip,
        elsewhere=elsewhere,
        wrong_login=lambda settings, _: settings,
        secrets=lambda _: [token, CANARY.replace("-", "")],
        refusals=refusals,
        statuses=STATUSES,
        blames="destination",
        table=codes.OUTCOMES if codes else {},
        row_of=row_of,
        carries_id=False,
        cut_short=cut_short,
        padded=padded,
        **more,
    )


SLACK = _case(
    "slack", Slack.url("BOPS"), slack.TOKEN,
    {
        **dict.fromkeys(("invalid_payload", "no_text", "too_many_attachments", "msg_too_long"), REFUSED),
        **dict.fromkeys(
            (
                "user_not_found", "action_prohibited", "posting_to_general_channel_denied", "invalid_token",
                "team_disabled", "channel_not_found", "no_service", "no_team", "channel_is_archived",
                "not_in_channel", "is_archived", "restricted_action", "invalid_auth", "not_authed",
                "account_inactive", "token_revoked", "token_expired", "missing_scope",
            ),
            ALERT,
        ),
        "rate_limited": after(30, "destination"), "ratelimited": after(30, "destination"),
        "service_unavailable": later("destination"), "rollup_error": LOST,
    },
    _read_slack, codes=slack_codes, says_id=False, is_final=True,
)  # fmt: skip
DISCORD = _case(
    "discord", Discord.url("ops"), discord.TOKEN,
    {
        **dict.fromkeys(("too-large", "empty", "form"), REFUSED),
        **dict.fromkeys(("unknown-channel", "unknown-webhook", "permissions", "token", "archived", "no-thread"), ALERT),
        "rate-limited": after(2.5, "destination"), "server-error": LOST,
    },
    _read_discord, codes=discord_codes, says_id=False, is_final=True,
    # Its answer is the status alone; a 204 that brings a body is nothing of Discord's.
    cut_short=Sent,
)  # fmt: skip
TELEGRAM = _case(
    "telegram", Telegram.url("ops"), telegram.BOT.partition(":")[2],
    {
        "bad-request": REFUSED,
        **dict.fromkeys(("chat-not-found", "upgraded", "unauthorized", "blocked", "not-found"), ALERT),
        "too-many": after(12, "destination"), "server-error": LOST,
    },
    _read_telegram, codes=telegram_codes, is_final=True,
)  # fmt: skip
TEAMS = _case(
    "teams", Teams.url("a" * 32), teams.SIGNATURE,
    {
        "mismatch": REFUSED, "too-large": REFUSED,
        **dict.fromkeys(("unauthorized", "forbidden", "not-found"), ALERT),
        "too-many": AFTER_A_MINUTE, "server-error": LOST, "bad-gateway": LOST,
    },
    _read_teams, cut_short=Sent, padded=Sent,
)  # fmt: skip
CASES = (SLACK, DISCORD, TELEGRAM, TEAMS)
