"""Waiting for what happens elsewhere: looking again and again, less and less often."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0
GROWTH = 1.5

Seen = TypeVar("Seen")


def looks(look: Callable[[], Seen], timeout: float) -> Iterator[Seen]:
    """What `look` sees, until `timeout` seconds have passed; the last look is after them."""
    deadline = time.monotonic() + timeout
    pause = FIRST_PAUSE
    while True:
        yield look()
        left = deadline - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(pause, left))
        pause = min(pause * GROWTH, LONGEST_PAUSE)
