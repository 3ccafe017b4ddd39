"""What a vendor's codes mean: the words in which every adapter's table is written.

Every vendor has its table under the same two names, beside what reads it:

    SOURCE = "https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode"
    OUTCOMES = {"UNREGISTERED": Row(DEAD, "the token is no longer registered")}
    raise OUTCOMES[code](reason, code=code)

`crier/outcomes_page.py` makes docs/outcomes.md of them.
"""

from dataclasses import dataclass
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

SENDER: Outcome = partial(Unavailable, provider_fault=True)
"""The sender is not one that the account may use: FAULT where it is the installation's, whom everybody shares; where a
project chose it, ALERT, since nobody else is concerned (`for_sender`)."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one code means; an outcome itself.

    Parameters:
        means: what the vendor says by it, in a few words.
        source: where that is documented, where it is not in the table's SOURCE.
    """

    outcome: Outcome
    means: str
    source: str = ""

    def __call__(self, reason: str, *, code: str | None = None) -> SendError:
        """The error."""
        return self.outcome(reason, code=code)

    def for_sender(self, *, own: bool) -> Outcome:
        """The outcome for a message whose sender is its project's own, or is not."""
        return ALERT if own and self.outcome is SENDER else self.outcome


def later(blames: Blame) -> Outcome:
    """Not processed; an ordinary retry that counts against what it blames."""
    return partial(Unavailable, blames=blames)


def after(seconds: float, *, blames: Blame = "provider") -> Outcome:
    """Not processed, and worth another try after `seconds` at the earliest."""
    return partial(Unavailable, retry_after=seconds, blames=blames)
