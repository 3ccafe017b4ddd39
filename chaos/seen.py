"""What a row saw, and whether that is good enough."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class NotInTime(Exception):
    """Something a row waited for did not happen; the text says what, and what the processes printed."""


@dataclass(frozen=True)
class Check:
    """One bar: what was measured, what it was, and whether it is met."""

    what: str
    seen: str
    met: bool


def at_most(what: str, seen: float, bar: float, unit: str = "") -> Check:
    """Met when `seen` is not above `bar`."""
    return Check(what, f"{_short(seen)}{unit} (bar: ≤ {bar:g}{unit})", seen <= bar)


def at_least(what: str, seen: float, bar: float, unit: str = "") -> Check:
    """Met when `seen` is not below `bar`."""
    return Check(what, f"{_short(seen)}{unit} (bar: ≥ {bar:g}{unit})", seen >= bar)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def exactly(what: str, seen: object, bar: object) -> Check:
    """Met when they are equal."""
    return Check(what, f"{seen} (bar: {bar})" if seen != bar else f"{seen}", seen == bar)


@dataclass(frozen=True)
class Books:
    """The reconciliation of what was accepted, by who was promised; judged by the witness and the ledger.

    Parameters:
        accepted: targets for which a client got a 202, or Python a receipt. A row writes to each target once.
        delivered: of these, whom the witness took a message for.
        lost: accepted without a row, without an end, or said to be sent though the witness knows nothing of it.
        duplicated: the witness took more than one message for them; with how many.
        doubled: targets with more than one delivery in the ledger: a retried request was taken for a new one.
        held: deliveries that wait for a person as unknown.
        states: deliveries by state.
    """

    accepted: int
    delivered: int
    lost: Sequence[str]
    duplicated: Mapping[str, int]
    doubled: Sequence[str]
    held: int
    states: Counter[str]


@dataclass(frozen=True)
class Seen:
    """What came of a row.

    Parameters:
        recovery: seconds from the end of the fault until all was well again; None where that means nothing.
        duplicates: how many targets may have been sent to twice, which is none but for calls in doubt.
    """

    books: Books
    checks: Sequence[Check] = ()
    recovery: float | None = None
    duplicates: int = 0

    @property
    def all_checks(self) -> Sequence[Check]:
        """The row's own, after those of every row."""
        books = self.books
        return (
            exactly("lost", len(books.lost), 0),
            exactly("notifications made twice", len(books.doubled), 0),
            at_most("duplicates", len(books.duplicated), self.duplicates),
            *self.checks,
        )


@dataclass(frozen=True)
class Outcome:
    """A row that was run.

    Parameters:
        seen: None when it could not be finished; then `failure` says why.
        load: the machine's load average (1 minute) when it began.
    """

    number: int
    fault: str
    bar: str
    broker: str
    seconds: float
    load: float
    seen: Seen | None = None
    failure: str | None = None

    @property
    def missed(self) -> Sequence[Check]:
        """The bars that were not met."""
        return [check for check in self.seen.all_checks if not check.met] if self.seen else []

    @property
    def met(self) -> bool:
        """Whether it was finished and met every bar."""
        return self.seen is not None and not self.missed
