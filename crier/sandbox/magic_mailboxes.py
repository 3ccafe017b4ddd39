"""The sandbox's magic recipients of vendors that send mail over HTTP, by local part:

error+401@…  refused with this error of the vendor's (`+400-to` is the error `400 to`); with one it does not have,
             answered with a 400 that names those it has
slow+5@…      accepted, answered after 5 s
hang@…        accepted, never answered
drop@…        accepted, the connection closed without an answer

and, for vendors that report (`crier.sandbox.mail_reports`), accepted, and then, with anything after a `+`:

bounce@…      there is no such mailbox
full@…        deferred, and given up: the mailbox is full
late@…        deferred, then delivered
suppressed@…  not sent, as it bounced before
complain@…    delivered, and called spam
unsubscribe@… delivered, and unsubscribed from
"""

import re
from collections.abc import Mapping, Sequence

from crier.sandbox.behaviour import Behaviour, Fault

_MAGIC = re.compile(r"(?P<what>error|slow|hang|drop)(\+(?P<how>[^@]*))?@.*", re.IGNORECASE)
STORIES: Mapping[str, Sequence[str]] = {
    "bounce": ("accepted", "bounced"),
    "full": ("accepted", "deferred", "given-up"),
    "late": ("accepted", "deferred", "delivered"),
    "suppressed": ("accepted", "dropped"),
    "complain": ("accepted", "delivered", "complained"),
    "unsubscribe": ("accepted", "delivered", "unsubscribed"),
}
"""What becomes of a mail to a magic recipient."""
ORDINARY: Sequence[str] = ("accepted", "delivered")


def story(recipient: str) -> Sequence[str]:
    """What becomes of a mail that was accepted for `recipient`, step by step."""
    return STORIES.get(re.split("[+@]", recipient, maxsplit=1)[0].lower(), ORDINARY)


def magic(recipient: str, errors: Sequence[str]) -> Behaviour | None:
    """What `recipient` stands for with a vendor that has these errors; `None` for an ordinary mailbox."""
    if not (found := _MAGIC.fullmatch(recipient)):
        return None
    what, how = found["what"].lower(), found["how"] or ""
    if what == "error":
        named = {name.replace(" ", "-").lower(): name for name in errors}
        if how.lower() in named:
            return Behaviour(error=named[how.lower()])
        # Taken for an ordinary mailbox, a misspelt one would look as if the error were no error.
        return Behaviour(status=400, body=f"The sandbox knows no error+{how}: it has {', '.join(named)}.")
    if what == "slow":
        return Behaviour(delay=float(how)) if re.fullmatch(r"[0-9]{1,3}(\.[0-9]+)?", how) else None
    return Behaviour(fault=Fault.HANG if what == "hang" else Fault.CLOSE)
