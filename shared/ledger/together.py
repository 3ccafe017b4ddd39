"""Work of several threads done together: what arrives while one is at it is the next one's, all of it at once.

Nobody waits for company: who finds nobody at work begins at once, alone. So a batch is as large as the load makes it,
and a thread's own work is done by itself or by another, in the order it came.
"""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

from shared.errors import LedgerUnavailable

Item = TypeVar("Item")
Done = TypeVar("Done")


class _Place(Generic[Item, Done]):
    """A thread's place in the line: its turn has come once `turn` can be had."""

    __slots__ = ("done", "error", "item", "turn")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.done: list[Done] = []
        self.error: BaseException | None = None
        self.turn = Lock()
        self.turn.acquire()


class Together(Generic[Item, Done]):
    """Does what threads ask for, many at a time.

    Parameters:
        work: does it for several at once, answering each in order. What it raises, each of them is told; that the
            ledger is not available, whoever waits is told too.
        most: items at once.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Done]], *, most: int) -> None:
        self._work = work
        self._most = most
        self._lock = Lock()
        self._line: deque[_Place[Item, Done]] = deque()
        self._at_work = False

    def do(self, item: Item) -> Done:
        """Have `item` worked on, and wait for it. Raises what the work did."""
        place: _Place[Item, Done] = _Place(item)
        with self._lock:
            leads = not self._at_work
            self._at_work = True
            if not leads:
                self._line.append(place)
        if not leads:
            place.turn.acquire()  # given by whoever has done it, or wants it to lead
        if not place.done and place.error is None:
            self._lead(place)
        if place.error is not None:
            raise place.error
        return place.done[0]

    def _lead(self, place: _Place[Item, Done]) -> None:
        with self._lock:
            others = [self._line.popleft() for _ in range(min(len(self._line), self._most - 1))]
        places = [place, *others]
        try:
            for each, done in zip(places, self._work([each.item for each in places]), strict=True):
                each.done.append(done)
        except BaseException as error:  # noqa: BLE001  each is told, whatever it is
            if isinstance(error, LedgerUnavailable):
                # Who waits has waited as long as he would for an answer of his own: he must not wait that long again.
                with self._lock:
                    waiting = list(self._line)
                    self._line.clear()
                others += waiting
                places += waiting
            for each in places:
                each.error = error
        finally:
            with self._lock:
                following = self._line.popleft() if self._line else None
                self._at_work = following is not None
            if following:
                following.turn.release()
            for other in others:
                other.turn.release()
