"""Whether SendGrid took a mail of which nobody knows: the Email Activity API, asked by our id.

https://www.twilio.com/docs/sendgrid/api-reference/email-activity/filter-all-messages, and its queries:
https://www.twilio.com/docs/sendgrid/for-developers/sending-email/getting-started-email-activity-api. Custom arguments
are called `unique_args` there. It has to be bought ("additional email activity history"), a key needs the permission
Email Activity, regional (EU) accounts have no data there, and it answers six requests a minute.

SendGrid does not say how soon a mail is in the activity, so that none there says nothing.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.email.providers.sendgrid_message import DELIVERY_ID
from shared.http import DEFAULT_RETRY_AFTER, Reply, refusal
from shared.providers.outcomes import after, later
from shared.providers.port import Found, LookUp

FIND_AFTER = 60.0
"""Seconds; ours to choose."""
GIVEN_UP_AFTER = 900.0
"""Seconds. From then on a mail that is not there is not waited for; ours to choose."""

_CLOCKS = timedelta(minutes=1)
_DENIED = frozenset({401, 403, 404})


def query(delivery_id: UUID) -> dict[str, str]:
    """The parameters of `GET /v3/messages`."""
    return {"limit": "10", "query": f"(unique_args['{DELIVERY_ID}']=\"{delivery_id}\")"}


def found(reply: Reply, asked_at: datetime, *, ago: float) -> LookUp:
    """What the answer says.

    Parameters:
        asked_at: when that call was begun: the mail of an earlier one may be there too.
        ago: seconds since the call that is in doubt.

    Raises:
        SendError: it says nothing, or nothing yet.
    """
    if reply.status in _DENIED:
        return LookUp(
            Found.UNCLEAR,
            detail=f"SendGrid does not let us look it up ({reply.status}): the account needs additional email activity "
            "history, and SENDGRID_API_KEY the permission Email Activity.",
        )
    if reply.status == 429:
        wait = reply.retry_after
        raise after(DEFAULT_RETRY_AFTER if wait is None else wait, blames="nobody")("too many look-ups", code="429")
    listed = reply.json().get("messages")
    if not reply.ok or not isinstance(listed, list):
        raise refusal(reply, f"SendGrid's activity cannot be read: HTTP {reply.status}")
    for one in listed:
        # `<X-Message-Id>.<of which server>…`, as in events.
        if isinstance(one, dict) and isinstance(one.get("msg_id"), str) and not _is_older(one, asked_at):
            reference = one["msg_id"].partition(".")[0]
            return LookUp(Found.SENT, reference=reference, detail=f"SendGrid has it: {one.get('status')}.")
    if ago < GIVEN_UP_AFTER:
        raise later("nobody")("SendGrid's activity does not have it, or not yet.")
    return LookUp(
        Found.UNCLEAR, detail="It is not in SendGrid's activity, which does not mean that SendGrid does not have it."
    )


def _is_older(one: dict[str, Any], asked_at: datetime) -> bool:
    """Whether the last thing that happened to a mail was before the call, and the mail is therefore another's."""
    try:
        last = datetime.fromisoformat(str(one.get("last_event_time")))
    except ValueError:
        return False
    return (last if last.tzinfo else last.replace(tzinfo=UTC)) < asked_at - _CLOCKS
