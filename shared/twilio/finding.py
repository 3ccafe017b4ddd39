"""Whether Twilio took a message of which nobody knows, by the list of what its recipient was sent.

https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources

A message carries nothing of ours that the list shows, so it is known by its recipient, its words and its time. That is
less than an id: whoever is told `SENT` has to see to it that no other delivery has that reference already, since a
person may be sent the same words twice within seconds.

- One message with these words: it is there. `failed` is Twilio's word for what it could not send at all.
- None at that time: it is not there. Twilio does not say how long the list takes to show a message, hence `FIND_AFTER`.
- Several, or others at that time whose words are not these: unclear. A Messaging Service may rewrite letters, and what
  an approved template comes to is Twilio's doing.
- None on this page, and there are more pages: unclear too. The list is sorted by the date of sending, which a message
  does not have as long as it waits in a queue.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from shared.providers.port import Found, LookUp

FIND_AFTER = 60.0
"""Seconds. What was accepted is in the list long before; ours to choose, no less than a call may go on there."""
PAGE_SIZE = 30
"""Messages asked for: what 64 KB of an answer hold, unless they are long."""

_CLOCKS = timedelta(minutes=1)
"""By how much Twilio's clock and ours may differ, amply: what is missed would be sent twice."""
_CALL = timedelta(seconds=FIND_AFTER)
"""How long after we began a call Twilio may still make a message of it."""
_TRIAL = "Sent from your Twilio trial account - "
"""What Twilio writes in front of everything that a trial account sends."""
_NOT_SENT = frozenset({"failed", "canceled"})


def found(listed: Iterable[Any], words: str | None, asked_at: datetime, *, all_listed: bool) -> LookUp:
    """What a page of the list says of a call that was begun at `asked_at`.

    Parameters:
        listed: `MessageInstance`s to the recipient.
        words: the text of the message; None where only Twilio knows it.
        all_listed: there are no more pages.
    """
    then = [
        one
        for one in listed
        if one.direction == "outbound-api"
        and one.date_created is not None
        and asked_at - _CLOCKS <= one.date_created <= asked_at + _CALL + _CLOCKS
    ]
    same = [one for one in then if words is not None and _words(one) == words.strip()]
    if len(same) > 1:
        return LookUp(Found.UNCLEAR, detail=f"Twilio has {len(same)} messages with these words at that time.")
    if same:
        [one] = same
        if one.status in _NOT_SENT:
            why = f" with {one.error_code}" if one.error_code else ""
            return LookUp(Found.ABSENT, detail=f"Twilio took it as {one.sid} and did not send it: {one.status}{why}.")
        return LookUp(Found.SENT, reference=one.sid, detail=f"Twilio has it: {one.status}.")
    if then:
        return LookUp(Found.UNCLEAR, detail="Twilio has messages to this number of that time, with other words.")
    if not all_listed:
        return LookUp(Found.UNCLEAR, detail="This number was sent more messages than Twilio lists at once.")
    return LookUp(Found.ABSENT, detail="Twilio has no message to this number of that time.")


def _words(one: Any) -> str:
    return str(one.body or "").removeprefix(_TRIAL).strip()
