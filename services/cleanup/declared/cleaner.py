"""What every kind of policy can do, and how gently it does it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from services.cleanup.declared.policy import Policy
from services.cleanup.pace import Pace, Removed
from services.cleanup.settings import CleanupSettings

Tell = Callable[[int], None]
"""Is told how many were removed so far."""

FEW = 100
"""So many may go without anybody asking whether the rest is still there."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a policy would remove now.

    Parameters:
        count: rows, keys or files.
        oldest, newest: of those, as ISO 8601; None where nothing would go.
        size: bytes they take.
        refusal: why it would not be done, although it was asked for.
    """

    count: int
    oldest: str | None
    newest: str | None
    size: int
    refusal: str | None = None


class Cleaner(Protocol):
    """A policy with what it works on.

    Each raises InvalidInput, by the policy's fields, where the policy cannot be meant: what it names is not there, or
    it would remove what nobody can want to lose.
    """

    def check(self) -> None:
        """Whether what the policy names is there and is what it has to be."""

    def preview(self) -> Preview:
        """What would go. Touches nothing."""

    def run(self, pace: Pace, tell: Tell) -> Mapping[str, Any]:
        """Remove it; what to record. `complete` in it is false when the time was up."""


def pace_of(policy: Policy, settings: CleanupSettings, limit: float) -> Pace:
    """The pace a policy asks for, within `limit` seconds."""
    pause: timedelta | None = getattr(policy, "pause", None)
    seconds = settings.pause if pause is None else pause.total_seconds()
    return Pace(getattr(policy, "batch", None) or settings.batch, seconds, limit)


def walk(pace: Pace, batches: Iterable[int], tell: Tell) -> Removed:
    """Work through batches at a pace, telling how far it is."""
    return pace.through(_told(batches, tell))


def _told(batches: Iterable[int], tell: Tell) -> Iterator[int]:
    total = 0
    for count in batches:
        total += count
        tell(total)
        yield count
