"""What a vendor's codes mean: the words in which every adapter's table is written.

OUTCOMES: Mapping[str, Outcome] = {"UNREGISTERED": DEAD, "THIRD_PARTY_AUTH_ERROR": FAULT}
raise OUTCOMES[code](reason, code=code)
"""

from functools import partial
from typing import Protocol

from shared.errors import Blame, Rejected, SendError, Unavailable


class Outcome(Protocol):
    """Makes the error of a refusal from its reason and the vendor's code."""

    def __call__(self, reason: str, *, code: str | None = None) -> SendError: ...


REFUSED: Outcome = Rejected
"""Refused for good; the target may be tried again with something else."""

DEAD: Outcome = partial(Rejected, target_is_dead=True)
"""Refused for good, and the address, number or device is to be suppressed."""

ALERT: Outcome = partial(Rejected, alert=True)
"""Refused for good because of how the account is set up: it will be the same for others until somebody changes it."""

OPTED_OUT: Outcome = partial(Rejected, opted_out=True)
"""Refused for good: the recipient does not want to be written to by this sender, which is to be remembered."""

LATER: Outcome = Unavailable
"""Not processed; an ordinary retry."""

FAULT: Outcome = partial(Unavailable, provider_fault=True)
"""Not processed, because of the account or the provider: fail over, alert."""


def after(seconds: float, *, blames: Blame = "provider") -> Outcome:
    """Not processed, and worth another try after `seconds` at the earliest."""
    return partial(Unavailable, retry_after=seconds, blames=blames)
