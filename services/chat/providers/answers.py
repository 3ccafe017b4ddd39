"""What a chat service's answer means: by its own words where it has documented them, else by the HTTP status.

Whatever a destination is refused for concerns that destination: nothing here stops others.
"""

import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from services.chat.providers import discord_codes, slack_codes, telegram_codes
from shared.chat.services import Service
from shared.errors import Ambiguous, Rejected, SendError, Unavailable
from shared.http import DEFAULT_RETRY_AFTER, MAX_RETRY_AFTER, NOT_PROCESSED, Reply
from shared.providers.port import Sent

TABLES: Mapping[str, ModuleType] = {"slack": slack_codes, "discord": discord_codes, "telegram": telegram_codes}
GONE = frozenset({401, 402, 403, 404, 405, 410})
"""Statuses by which a server says that nothing will be taken at this address until somebody changes something."""
_LONGEST_WORDS = 200
_TOKEN = re.compile(r"\S{24,}")


def _slack(reply: Reply) -> tuple[bool, str | None]:
    answer = reply.json()
    if answer:
        return answer.get("ok") is True, _text(answer.get("ts"))
    return reply.body.strip() == b"ok", None


def _discord(reply: Reply) -> tuple[bool, str | None]:
    return reply.status == 204 or bool(reply.json().get("id")), _text(reply.json().get("id"))


def _telegram(reply: Reply) -> tuple[bool, str | None]:
    answer = reply.json()
    result = answer.get("result")
    identifier = _text(result.get("message_id")) if isinstance(result, dict) else None
    return answer.get("ok") is True and identifier is not None, identifier


def _teams(reply: Reply) -> tuple[bool, str | None]:
    # https://learn.microsoft.com/azure/connectors/connectors-native-reqres: what a flow does comes after 202.
    return reply.status == 202, _text(reply.headers.get("x-ms-workflow-run-id"))


_ACCEPTED: Mapping[str, Callable[[Reply], tuple[bool, str | None]]] = {
    "slack": _slack, "discord": _discord, "telegram": _telegram, "teams": _teams,
}  # fmt: skip


def read(service: Service, reply: Reply, *, took: bool, shortened: bool) -> Sent:
    """What became of a message.

    Parameters:
        reply: the last answer. took: Apprise takes it for an acceptance.
        shortened: something was cut off of the message.

    Raises:
        SendError: it was not accepted, or nobody knows.
    """
    accepted = _ACCEPTED.get(service.name)
    taken, reference = accepted(reply) if accepted and reply.ok else (took and reply.ok, None)
    if not taken:
        raise _refusal(service, reply)
    detail = f"{service.title} answered {reply.status}." + (" The end was cut off." if shortened else "")
    return Sent(reference=reference, detail=detail, delivered=service.name != "teams")


def row_word(service: str, reply: Reply) -> str | None:
    """The key of the row of the service's table that an answer meets, if any."""
    table = TABLES.get(service)
    word = table.word_of(reply) if table else None
    return word if table and word in table.OUTCOMES else None


def _refusal(service: Service, reply: Reply) -> SendError:
    word = row_word(service.name, reply)
    if reply.status == 429 or word in ("ratelimited", "rate_limited"):
        return Unavailable(
            f"{service.title} asks for patience.", code=word or "429", retry_after=_wait(reply), blames="destination"
        )
    if word is not None:
        row = TABLES[service.name].OUTCOMES[word]
        error: SendError = row(f"{service.title} refused it: {row.means}.", code=word)
        return error
    said = f"{service.title} answered {reply.status}{_words(service, reply)}"
    return _by_status(said, reply)


def _by_status(said: str, reply: Reply) -> SendError:
    status, code = reply.status, str(reply.status)
    if status in GONE:
        return Rejected(f"{said}: the destination takes nothing any more.", code=code, alert=True)
    if 300 <= status < 400:
        return Rejected(f"{said}, and redirects are not followed.", code=code)
    if status in NOT_PROCESSED:
        return Unavailable(f"{said}.", code=code, retry_after=reply.retry_after, blames="destination")
    if status >= 500 or status < 300:
        return Ambiguous(f"{said}: nobody knows whether it was posted.", code=code, blames="destination")
    return Rejected(f"{said}.", code=code)


def _wait(reply: Reply) -> float:
    """Seconds a service asks for, in its header, or in its words as Discord and Telegram do."""
    answer = reply.json()
    parameters = answer.get("parameters")
    inner = parameters.get("retry_after") if isinstance(parameters, dict) else None
    for asked in (inner, answer.get("retry_after"), reply.retry_after):
        if isinstance(asked, int | float) and not isinstance(asked, bool) and asked >= 0:
            return min(max(float(asked), 1.0), MAX_RETRY_AFTER)
    return DEFAULT_RETRY_AFTER


def _words(service: Service, reply: Reply) -> str:
    """What a known vendor says besides. What anybody's server says is nobody's business: it may be an inner one's."""
    if service.hosted or service.name not in TABLES:
        return ""
    answer = reply.json()
    said = answer.get("description") or answer.get("message") or answer.get("error")
    return f": {_TOKEN.sub('…', said)[:_LONGEST_WORDS]}" if isinstance(said, str) and said else ""


def _text(value: Any) -> str | None:
    return str(value)[:200] if isinstance(value, str | int) and not isinstance(value, bool) else None
