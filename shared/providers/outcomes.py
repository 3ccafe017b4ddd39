"""What a vendor's codes mean: the words in which every adapter's table is written.

OUTCOMES: Mapping[str, Outcome] = {"UNREGISTERED": DEAD, "THIRD_PARTY_AUTH_ERROR": FAULT}
raise OUTCOMES[code](reason, code=code)
"""

from functools import partial
from typing import Protocol

from shared.errors import Rejected, SendError, Unavailable


class Outcome(Protocol):
    """Makes the error of a refusal from its reason and the vendor's code."""

    def __call__(self, reason: str, *, code: str | None = None) -> SendError: ...


REFUSED: Outcome = Rejected
"""Refused for good; the target may be tried again with something else."""

DEAD: Outcome = partial(Rejected, target_is_dead=True)
"""Refused for good, and the address, number or device is to be suppressed."""

LATER: Outcome = Unavailable
"""Not processed; an ordinary retry."""

FAULT: Outcome = partial(Unavailable, provider_fault=True)
"""Not processed, because of the account or the provider: fail over, alert."""


def after(seconds: float) -> Outcome:
    """Not processed, and the vendor asks for at least `seconds` of patience."""
    return partial(Unavailable, retry_after=seconds)
