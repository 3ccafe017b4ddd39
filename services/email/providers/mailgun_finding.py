"""Whether Mailgun took a mail of which nobody knows: the events of its domain, by the `Message-ID` we gave it.

https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/events/get-v3-domain_name-events. Mailgun
advises to use its newer Logs API, of which it does not say that it finds a mail by its id.

Events reach the place where they are looked up by several ways: only what is half an hour old is sure to be there
(https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-polling). Until then, none says nothing.
A key of the domain may send and nothing else
(https://documentation.mailgun.com/docs/mailgun/api-reference/authentication).
"""

from datetime import datetime, timedelta

from shared.http import Reply, refusal
from shared.providers.outcomes import later
from shared.providers.port import Found, LookUp

FIND_AFTER = 60.0
"""Seconds; ours to choose. A mail that was taken is mostly there by then."""
SURE_AFTER = 1800.0
"""Seconds. From then on Mailgun is sure that it has no mail."""

_CLOCKS = timedelta(minutes=1)
"""By how much Mailgun's clock may be behind ours, amply: the id is the mail's alone."""
_DENIED = frozenset({401, 403, 404})


def query(message_id: str, asked_at: datetime) -> dict[str, str]:
    """The parameters of `GET /v3/{domain}/events`."""
    begin = int((asked_at - _CLOCKS).timestamp())
    return {"message-id": message_id, "event": "accepted", "begin": str(begin), "ascending": "yes", "limit": "10"}


def found(reply: Reply, message_id: str, *, ago: float) -> LookUp:
    """What the answer says.

    Parameters:
        ago: seconds since the call that is in doubt.

    Raises:
        SendError: it says nothing, or nothing yet.
    """
    if reply.status in _DENIED:
        return LookUp(
            Found.UNCLEAR,
            detail=f"Mailgun does not let us look it up ({reply.status}): MAILGUN_API_KEY may only send; one of the "
            "account may read events too.",
        )
    listed = reply.json().get("items")
    if not reply.ok or not isinstance(listed, list):
        raise refusal(reply, f"Mailgun's events cannot be read: HTTP {reply.status}")
    if listed:
        return LookUp(Found.SENT, reference=message_id, detail="Mailgun has it.")
    if ago < SURE_AFTER:
        raise later("nobody")("Mailgun does not have it, or not yet: half an hour after the call it is sure.")
    return LookUp(Found.ABSENT, detail="Mailgun does not have it.")
