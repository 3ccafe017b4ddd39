"""Who follows which inbox. A stream holds no queue: it knows the last change it has told, and asks for what came after.

So a wake-up may be lost, doubled or late without harm, and a stream that is read slowly costs no more than another.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from services.inapp.together import Together
from services.inapp.web.metrics import REFUSED, STREAMS, WAKE_UPS
from shared.errors import CrierError
from shared.ledger.inbox import Changes, Inboxes

PAGE = 100
"""Changes told at a time."""

ASKED_TOGETHER = 500
"""Streams for which the ledger is asked by one statement."""


class TooMany(CrierError):
    """One stream more than there may be.

    Parameters:
        limit: `all`, or `inbox`.
    """

    def __init__(self, limit: str) -> None:
        self.limit = limit
        REFUSED.labels(limit).inc()
        super().__init__(limit)


class Follower:
    """A stream of an inbox.

    Attributes:
        told: the number of the last change it was told.
        woken: set when something may have happened.
    """

    __slots__ = ("box", "told", "woken")

    def __init__(self, box: int, told: int) -> None:
        self.box = box
        self.told = told
        self.woken = asyncio.Event()


class Hub:
    """The open streams of a process.

    Parameters:
        most: streams at once. most_each: of one inbox.
    """

    def __init__(self, inboxes: Inboxes, *, most: int, most_each: int) -> None:
        self._inboxes = inboxes
        self._most = most
        self._most_each = most_each
        self._followers: dict[int, set[Follower]] = {}
        self._count = 0
        self._ask = Together(self._changes, ASKED_TOGETHER)
        self.is_stopping = False

    @contextmanager
    def follow(self, box: int, told: int) -> Iterator[Follower]:
        """Follow an inbox for the time of the block. Raises TooMany."""
        if self._count >= self._most:
            raise TooMany("all")
        if len(self._followers.get(box, ())) >= self._most_each:
            raise TooMany("inbox")
        follower = Follower(box, told)
        self._followers.setdefault(box, set()).add(follower)
        self._count += 1
        STREAMS.set(self._count)
        try:
            yield follower
        finally:
            self._count -= 1
            STREAMS.set(self._count)
            self._followers[box].discard(follower)
            if not self._followers[box]:
                del self._followers[box]

    async def changes(self, follower: Follower) -> Changes:
        """What happened since it was told last. Raises LedgerUnavailable."""
        return await self._ask((follower.box, follower.told))

    def ring(self, boxes: Iterable[int]) -> None:
        """Something happened in these inboxes."""
        for box in boxes:
            if followers := self._followers.get(box):
                WAKE_UPS.labels("bell").inc()
                for follower in followers:
                    follower.woken.set()

    def ring_all(self) -> None:
        """Something may have happened anywhere."""
        self.ring(list(self._followers))

    async def heal(self) -> None:
        """Wake those who have missed a wake-up. Raises LedgerUnavailable."""
        boxes = list(self._followers)
        if not boxes:
            return
        for box, number in (await asyncio.to_thread(self._inboxes.numbers, boxes)).items():
            for follower in self._followers.get(box, ()):
                if follower.told < number and not follower.woken.is_set():
                    WAKE_UPS.labels("ledger").inc()
                    follower.woken.set()

    def stop(self) -> None:
        """Let every stream end: its browser goes on elsewhere."""
        self.is_stopping = True
        for followers in self._followers.values():
            for follower in followers:
                follower.woken.set()

    def _changes(self, asked: Sequence[tuple[int, int]]) -> Sequence[Changes]:
        return self._inboxes.changes(asked, PAGE)
