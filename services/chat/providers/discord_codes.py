"""What Discord's codes mean: JSON with a `code`, beside the HTTP status."""

from collections.abc import Mapping

from shared.http import Reply
from shared.providers.outcomes import ALERT, REFUSED, Row

SOURCE = "https://discord.com/developers/docs/topics/opcodes-and-status-codes#json"

OUTCOMES: Mapping[str, Row] = {
    "10003": Row(ALERT, "there is no such channel or thread"),
    "10015": Row(ALERT, "there is no such webhook"),
    "40005": Row(REFUSED, "the request is too large"),
    "50006": Row(REFUSED, "an empty message"),
    "50013": Row(ALERT, "the webhook may not do that"),
    "50027": Row(ALERT, "the webhook's token is wrong"),
    "50035": Row(REFUSED, "the request is not what it takes, for instance too long"),
    "50083": Row(ALERT, "the thread is archived"),
    "220001": Row(ALERT, "webhooks of a forum need a thread"),
}


def word_of(reply: Reply) -> str | None:
    """The code of a refusal."""
    code = reply.json().get("code")
    return str(code) if isinstance(code, int) and not isinstance(code, bool) and code else None
