"""The sandbox's magic recipients of vendors that send mail over HTTP, by local part:

error+401@…  refused with this error of the vendor's (`+400-to` is the error `400 to`); with one it does not have,
             answered with a 400 that names those it has
slow+5@…      accepted, answered after 5 s
hang@…        accepted, never answered
drop@…        accepted, the connection closed without an answer
"""

import re
from collections.abc import Sequence

from crier.sandbox.behaviour import Behaviour, Fault

_MAGIC = re.compile(r"(?P<what>error|slow|hang|drop)(\+(?P<how>[^@]*))?@.*", re.IGNORECASE)


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
