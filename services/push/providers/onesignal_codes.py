"""What OneSignal's answers mean that are not the acceptance of a message.

OneSignal has words and no codes, and says some with a 200 and an empty id: nothing was sent. What is not in the table
goes by its status (`shared.http.refusal`): 400 is refused; 401 and 403 are about the key; 429 says when to come back.
What a 500 did nobody knows, and with the key it may be asked again
(https://documentation.onesignal.com/reference/rate-limits). 503 in its own words is a database that took no more
connections, and the one that is meant to be repeated.
"""

from collections.abc import Mapping
from typing import Any

from shared.errors import SendError, Unavailable
from shared.http import Reply, refusal
from shared.providers.outcomes import DEAD, FAULT, LATER, REFUSED, Row

SOURCE = "https://documentation.onesignal.com/reference/push-notification"
_ERRORS = "https://docs.rs/onesignal-rust-api/latest/onesignal_rust_api/errors/"

NOBODY = "All included players are not subscribed"
"""What a 200 says that sent nothing."""

OUTCOMES: Mapping[str, Row] = {
    "200 invalid_player_ids": Row(DEAD, "the subscription exists and is unsubscribed"),
    f"200 {NOBODY}": Row(DEAD, "nobody is subscribed with it; a segment that has nobody in it is refused"),
    "200 without an id": Row(REFUSED, "nothing was sent, for the reason it gives"),
    "404": Row(FAULT, "there is no such app"),
    "503": Row(LATER, "too busy to take it; as Retry-After says", _ERRORS),
}
"""Statuses, and what the answer says, to what it means."""


def problem(reply: Reply, token: str | None) -> SendError | None:
    """What is wrong with an answer, if anything.

    Parameters:
        token: the subscription it was for; None for a segment, of which there is nobody to forget.
    """
    answer = reply.json()
    reason = _words(answer.get("errors")) or f"HTTP {reply.status} without an explanation"
    met = _met(reply, token)
    if met is None:
        taken = reply.ok and isinstance(answer.get("id"), str) and answer["id"]
        return None if taken else refusal(reply, reason)
    if reply.status == 503:
        return Unavailable(reason, code="503", retry_after=reply.retry_after)
    row = OUTCOMES[met]
    if reply.ok and token is None and row.outcome is DEAD:
        return REFUSED(reason, code=_CODES.get(met))
    return row("This subscription is unsubscribed." if "invalid" in met else reason, code=_CODES.get(met))


def row_of(reply: Reply, token: str | None) -> Row | None:
    """The row of the table that an answer meets, if any."""
    met = _met(reply, token)
    return OUTCOMES[met] if met else None


_CODES = {"200 invalid_player_ids": "invalid_player_ids", f"200 {NOBODY}": "not-subscribed", "404": "404"}
"""What the timeline calls them."""


def _met(reply: Reply, token: str | None) -> str | None:
    """The key of the table's row."""
    answer = reply.json()
    errors, identifier = answer.get("errors"), answer.get("id")
    if reply.ok and token is not None and token in _unsubscribed(errors):
        return "200 invalid_player_ids"
    if reply.ok and identifier == "" and errors:
        return f"200 {NOBODY}" if NOBODY in _words(errors) else "200 without an id"
    return str(reply.status) if reply.status in (404, 503) and errors else None


def _words(errors: Any) -> str:
    """`errors` in one line: a list of sentences, of objects with a `title`, or an object."""
    if isinstance(errors, Mapping):
        return "; ".join(f"{name}: {found}" for name, found in errors.items() if found)
    if not isinstance(errors, list):
        return ""
    return " ".join(str(error.get("title", error)) if isinstance(error, dict) else str(error) for error in errors)


def _unsubscribed(errors: Any) -> list[Any]:
    found = errors.get("invalid_player_ids") if isinstance(errors, dict) else None
    return found if isinstance(found, list) else []
