"""What FCM's refusals mean.

A code is the one in the details of type FcmError, or else the canonical status. What is not here goes by the HTTP
status (`shared.http.refusal`): RESOURCE_EXHAUSTED of the project is 429, and PERMISSION_DENIED 403. NOT_FOUND without
UNREGISTERED is about the project. Of waiting: https://firebase.google.com/docs/cloud-messaging/scale-fcm.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.errors import Blame, SendError, Unavailable
from shared.http import DEFAULT_RETRY_AFTER, Reply, refusal
from shared.providers.outcomes import ALERT, DEAD, FAULT, LATER, REFUSED, Row, after

SOURCE = "https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode"
_RETRIES = "https://firebase.google.com/docs/cloud-messaging/scale-fcm#handling-retries"
_EXAMPLES = "https://firebase.google.com/docs/cloud-messaging/error-codes"

UNREADABLE = "INVALID_ARGUMENT of the token"

OUTCOMES: Mapping[str, Row] = {
    "UNREGISTERED": Row(DEAD, "the token is no longer registered"),
    UNREADABLE: Row(DEAD, "not a registration token, and nothing else is wrong", _EXAMPLES),
    "INVALID_ARGUMENT": Row(REFUSED, "something of the message is invalid; the token may be good"),
    "SENDER_ID_MISMATCH": Row(ALERT, "the token is another Firebase project's"),
    "THIRD_PARTY_AUTH_ERROR": Row(FAULT, "Apple's or the browser's service refuses the project's certificate"),
    "QUOTA_EXCEEDED": Row(
        after(DEFAULT_RETRY_AFTER), "too many messages to this device or topic, or of the project; as Retry-After says"
    ),
    "UNAVAILABLE": Row(LATER, "overloaded; as Retry-After says, and in ten seconds at the earliest", _RETRIES),
    "INTERNAL": Row(LATER, "an error of FCM's; in ten seconds at the earliest", _RETRIES),
}
"""Codes to what they mean."""

REPEATABLE = frozenset({"UNAVAILABLE", "INTERNAL"})
"""Codes after which FCM wants the same request again."""
MIN_WAIT = 10.0
"""Seconds before that, at least."""

_NOT_A_TOKEN = re.compile(r"The registration token is not a valid FCM registration token")
_ONE_TARGET = re.compile(r"device|topic", re.IGNORECASE)


def refused(reply: Reply, *, topic: bool) -> SendError:
    """The error of an answer that is not the acceptance of a message.

    Parameters:
        topic: it is for a topic, which is nobody's device: there is nothing to forget.
    """
    code = code_of(reply)
    reason = str(_error(reply).get("message") or f"HTTP {reply.status} without an explanation")
    wait = reply.retry_after
    row = row_of(reply)
    if code in REPEATABLE:
        return Unavailable(reason, code=code, retry_after=None if wait is None else max(wait, MIN_WAIT))
    if code == "QUOTA_EXCEEDED":
        blames: Blame = "nobody" if _is_one_targets(reply) else "provider"
        return after(DEFAULT_RETRY_AFTER if wait is None else wait, blames=blames)(reason, code=code)
    if row:
        return (REFUSED if topic and row.outcome is DEAD else row)(reason, code=code)
    return refusal(reply, reason, code=code)


def row_of(reply: Reply) -> Row | None:
    """The row of the table that an answer meets, if any."""
    code = code_of(reply)
    return OUTCOMES.get(UNREADABLE if code == "INVALID_ARGUMENT" and _is_a_bad_token(reply) else code or "")


def code_of(reply: Reply) -> str | None:
    """FCM's own code, or the canonical status of Google's front end."""
    for detail in _details(reply, "fcm.v1.FcmError"):
        return str(detail.get("errorCode"))
    status = _error(reply).get("status")
    return status if isinstance(status, str) else None


def _is_a_bad_token(reply: Reply) -> bool:
    """Whether it says of the token what it documents, with FCM's own code and nothing of other fields."""
    fields = [
        violation.get("field")
        for detail in _details(reply, "rpc.BadRequest")
        for violation in _listed(detail.get("fieldViolations"))
    ]
    said = _NOT_A_TOKEN.match(str(_error(reply).get("message")))
    own = any(_details(reply, "fcm.v1.FcmError"))
    return bool(said and own and all(field == "message.token" for field in fields))


def _is_one_targets(reply: Reply) -> bool:
    """Whether the quota is of one device or topic."""
    return any(
        _ONE_TARGET.search(str(violation.get("description")))
        for detail in _details(reply, "rpc.QuotaFailure")
        for violation in _listed(detail.get("violations"))
    )


def _details(reply: Reply, kind: str) -> Iterator[dict[str, Any]]:
    return (one for one in _listed(_error(reply).get("details")) if str(one.get("@type", "")).endswith(kind))


def _listed(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _error(reply: Reply) -> dict[str, Any]:
    error = reply.json().get("error")
    return error if isinstance(error, dict) else {}
