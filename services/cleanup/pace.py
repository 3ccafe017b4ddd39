"""How cleanup stays out of the way: bounded batches, pauses between them, and an end before the time limit."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger(__name__)
_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Removed:
    """What a walk through batches did. Not `complete`: time was up, and the next tick goes on."""

    rows: int
    complete: bool


@dataclass(frozen=True)
class Pace:
    """The pace of one run.

    Parameters:
        size: most rows of a batch.
        pause: seconds between two batches.
        limit: seconds the run may take; a fifth of it is left for the batch that is under way when time is up.
    """

    size: int
    pause: float
    limit: float
    _begun: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds until the run's time is up; none or less when it is."""
        return self.limit - (time.monotonic() - self._begun)

    def through(self, batches: Iterable[int]) -> Removed:
        """Work through batches, each of which says how many rows it removed."""
        rows = 0
        for count in batches:
            rows += count
            log.info("a batch was cleaned", rows=count, so_far=rows)
            if time.monotonic() - self._begun > self.limit * _SHARE:
                return Removed(rows, complete=False)
            time.sleep(self.pause)
        return Removed(rows, complete=True)

    def until_none_is_left(self, remove: Callable[[], int]) -> Removed:
        """Call `remove`, which removes up to a batch and says how many rows that was, until it finds none."""
        return self.through(_counts(remove))


def _counts(remove: Callable[[], int]) -> Iterator[int]:
    while count := remove():
        yield count
