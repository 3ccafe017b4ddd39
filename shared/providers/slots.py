"""How many calls a process may have open to one provider, and who gets them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Slots:
    """Permission to call, taken before anything is claimed.

    A quarter is kept for urgent lanes, so that a one-time code does not wait for a campaign's calls; nobody takes more
    than a quarter at once, so that calls of one batch overlap with the claim of the next.

    Parameters:
        total: calls that may be open at once; a provider's `concurrency`.
    """

    def __init__(self, total: int) -> None:
        self._free = total
        self._share = max(1, total // 4)
        self._kept = total // 4
        self._change = threading.Condition()

    @contextmanager
    def hold(self, most: int, *, urgent: bool, seconds: float) -> Iterator[int]:
        """Take up to `most` slots for the time of the block; how many there were, 0 if none within `seconds`."""
        with self._change:
            kept = 0 if urgent else self._kept
            self._change.wait_for(lambda: self._free > kept, seconds)
            count = max(0, min(most, self._share, self._free - kept))
            self._free -= count
        try:
            yield count
        finally:
            with self._change:
                self._free += count
                self._change.notify_all()
