"""How many calls a process may have open to each provider, and who gets them."""

import threading
from collections.abc import Mapping, Sequence


class Slots:
    """Room for calls, taken before anything is claimed.

    A quarter of a provider's is kept for urgent lanes, so that a one-time code does not wait for a campaign's calls;
    nobody takes more than a quarter at once, so that calls of one batch overlap with the claim of the next.

    Parameters:
        totals: by provider, calls that may be open at once; its `concurrency`.
    """

    def __init__(self, totals: Mapping[str, int]) -> None:
        self._free = dict(totals)
        self._share = {name: max(1, total // 4) for name, total in totals.items()}
        self._kept = {name: total // 4 for name, total in totals.items()}
        self._change = threading.Condition()

    def take(self, most: int, *, urgent: bool, seconds: float, expected: Sequence[str]) -> dict[str, int]:
        """Take up to `most` of every provider's, as soon as one of `expected` has any; nothing if not in `seconds`."""
        with self._change:
            if not self._change.wait_for(lambda: any(self._room(name, urgent) > 0 for name in expected), seconds):
                return {}
            return self._taken(self._free, most, urgent)

    def take_now(self, name: str, most: int, *, urgent: bool) -> int:
        """Take up to `most` of one provider's without waiting; how many there were."""
        with self._change:
            return self._taken((name,), most, urgent).get(name, 0)

    def give_back(self, taken: Mapping[str, int]) -> None:
        """Give back what was taken."""
        with self._change:
            for name, count in taken.items():
                self._free[name] += count
            self._change.notify_all()

    def _room(self, name: str, urgent: bool) -> int:
        return min(self._share[name], self._free[name] - (0 if urgent else self._kept[name]))

    def _taken(self, names: Sequence[str] | Mapping[str, int], most: int, urgent: bool) -> dict[str, int]:
        taken = {name: count for name in names if (count := min(most, self._room(name, urgent))) > 0}
        for name, count in taken.items():
            self._free[name] -= count
        return taken
