"""What Telegram says of a message it did not send: `error_code`, and a `description` for people.

Descriptions may change, so little goes by them: what a code alone does not tell is refused, which it was.
"""

from collections.abc import Mapping

from shared.http import Reply
from shared.providers.outcomes import ALERT, REFUSED, Row

SOURCE = "https://core.telegram.org/bots/api#making-requests"

OUTCOMES: Mapping[str, Row] = {
    "400": Row(REFUSED, "the request is not what it takes"),
    "400 chat not found": Row(ALERT, "there is no such chat, or the bot was never in it"),
    "400 group chat was upgraded": Row(ALERT, "the group has another id now"),
    "401": Row(ALERT, "the bot's token is wrong, or was revoked"),
    "403": Row(ALERT, "the bot was blocked, or was removed from the group"),
    "404": Row(ALERT, "the bot's token is none"),
}


def word_of(reply: Reply) -> str | None:
    """The key of the table's row."""
    answer = reply.json()
    if answer.get("ok") is not False:
        return None
    code, said = str(answer.get("error_code")), str(answer.get("description", "")).lower()
    met: list[str] = [key for key in OUTCOMES if key.startswith(code) and key[4:] in said]
    return met[-1] if met else None
