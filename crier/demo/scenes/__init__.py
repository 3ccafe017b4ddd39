"""What can go wrong on the way, and what Crier makes of it: each scene a module that makes a promise and checks it."""

import time
from collections.abc import Iterable

from crier.demo.scenes.campaign import campaign
from crier.demo.scenes.caps import capped
from crier.demo.scenes.chains import chains
from crier.demo.scenes.chat import chat
from crier.demo.scenes.cleanup import cleanup
from crier.demo.scenes.conservation import conservation
from crier.demo.scenes.dead import dead_letters
from crier.demo.scenes.digests import collected
from crier.demo.scenes.doubt import in_doubt
from crier.demo.scenes.failover import failover
from crier.demo.scenes.inbox import inbox
from crier.demo.scenes.order import in_order
from crier.demo.scenes.people import people
from crier.demo.scenes.planned import followed_up, planned
from crier.demo.scenes.receipts import receipts, reported
from crier.demo.scenes.webhooks import webhooks
from crier.demo.singles import BUSY, Script, Singles
from shared.errors import CrierError

__all__ = ["AFTERWARDS", "ALONE", "SCENES", "play"]

SCENES = (
    planned, in_order, campaign, in_doubt, cleanup, dead_letters, chains, receipts, people, webhooks, capped, collected,
    inbox, chat,
)  # fmt: skip
"""Those that disturb nobody else, and go on side by side; what takes longest first."""

ALONE = (failover,)
"""Those that need their vendors for themselves."""

AFTERWARDS = (followed_up, reported, conservation)
"""About everything that was sent."""

_LOOK = 0.1
"""Seconds between two looks."""


def play(send: Singles, scripts: Iterable[Script], patience: float) -> None:
    """Go on with all of them until each has come to its end, for so many seconds at most."""
    left, deadline = list(scripts), time.monotonic() + patience
    while left and time.monotonic() < deadline:
        how = {script: _go_on(send, script) for script in left}
        left = [script for script in left if how[script] is not None]
        if left and BUSY not in how.values():
            time.sleep(_LOOK)
    for script in left:
        script.close()
        send.promise(
            False, getattr(script, "__name__", "a part of the demo"), f"it has not come to its end in {patience:.0f} s"
        )


def _go_on(send: Singles, script: Script) -> bool | None:
    """Whether it can go on at once; None when it has come to its end."""
    try:
        return next(script, None)
    except CrierError as error:
        send.promise(False, getattr(script, "__name__", "a part of the demo"), f"it broke off: {error}")
        return None
