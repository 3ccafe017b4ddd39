"""Permission as one process knows it: without Redis, and while Redis is away."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cachetools import LRUCache

from shared.providers import permission as rules
from shared.providers.permission import UNTROUBLED, Answer, Breaker, Grant, Standing, Wish, channel_of

_MOST = 10_000


@dataclass
class _Record:
    failures: int = 0
    began_at: float = 0.0
    failed_at: float = 0.0
    opened_at: float | None = None
    probe_at: float = 0.0
    closed_until: float = 0.0
    slow_until: float = 0.0
    tokens: float | None = None
    filled_at: float = 0.0
    urgent_until: float = 0.0


class _Records(LRUCache[str, _Record]):
    def __missing__(self, subject: str) -> _Record:
        record = self[subject] = _Record()
        return record


class LocalPermission:
    """The rules of `shared.providers.permission`; line by line what the scripts of `permission_redis` do.

    Parameters:
        clock: seconds, only ever forwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._records = _Records(_MOST)
        self._troubled: dict[str, dict[str, float]] = defaultdict(dict)
        self._lock = threading.Lock()

    def ask(self, wishes: Sequence[Wish], size: int, *, urgent: bool, spread: bool) -> Answer:
        """See `Permission`."""
        with self._lock:
            now, left, chosen = self._clock(), size, False
            grants: dict[int, Grant] = {}
            places = sorted(range(len(wishes)), key=lambda place: self._records[wishes[place].subject].slow_until > now)
            for place in places:
                wish, record = wishes[place], self._records[wishes[place].subject]
                standing = _standing(record, now)
                tokens = self._tokens(record, wish, size, urgent, now)
                count, wait = 0, standing.wait
                if standing.breaker is Breaker.OPEN and wait <= 0 and not chosen:
                    count = min(1, left, wish.room, tokens)
                    if count:
                        record.probe_at = now + rules.PROBE_LEASE
                elif standing.breaker is Breaker.CLOSED and not chosen:
                    count = min(left, wish.room, tokens)
                    if record.failures:
                        count = min(count, max(1, rules.THRESHOLD - record.failures))
                    chosen = not spread
                    if wish.rate and not tokens:
                        wait = 1 / wish.rate.per_second
                if wish.rate and record.tokens is not None:
                    record.tokens -= count
                    if urgent:
                        record.urgent_until = 0.0 if tokens else now + rules.URGENT_SECONDS
                if not spread:
                    left -= count
                is_probe = standing.breaker is Breaker.OPEN and count > 0
                grants[place] = Grant(
                    count, is_probe, Standing(standing.breaker, standing.failures, wait, standing.slow)
                )
            troubled = self._troubled[channel_of(wishes[0].subject)]
            for subject in [s for s, at in troubled.items() if now - at > rules.FORGET_SECONDS]:
                del troubled[subject]
            return Answer([grants[place] for place in range(len(wishes))], len(troubled))

    def _tokens(self, record: _Record, wish: Wish, size: int, urgent: bool, now: float) -> int:
        if wish.rate is None:
            return size
        had = wish.rate.burst if record.tokens is None else record.tokens
        passed = max(0.0, now - record.filled_at) if record.tokens is not None else 0.0
        record.tokens = min(wish.rate.burst, had + passed * wish.rate.per_second)
        record.filled_at = now
        return 0 if not urgent and record.urgent_until > now else max(0, int(record.tokens))

    def give_back(self, subject: str, count: int, *, is_probe: bool) -> None:
        """See `Permission`."""
        with self._lock:
            record = self._records[subject]
            if record.tokens is not None:
                record.tokens += count
            if is_probe and record.opened_at is not None:
                record.probe_at = self._clock()

    def succeeded(self, subject: str) -> Standing:
        """See `Permission`."""
        with self._lock:
            now, record = self._clock(), self._records[subject]
            if record.opened_at is not None:
                record.opened_at = None
                record.failures, record.began_at, record.failed_at = rules.THRESHOLD - 1, now, now
            else:
                record.failures = 0
                self._troubled[channel_of(subject)].pop(subject, None)
            return _standing(record, now)

    def failed(self, subject: str, *, weight: int = 1, is_probe: bool = False) -> Standing:
        """See `Permission`."""
        with self._lock:
            now, record = self._clock(), self._records[subject]
            if record.opened_at is None and now - record.failed_at > rules.FORGET_SECONDS:
                record.failures = 0
            if not record.failures:
                record.began_at = now
            record.failures += weight
            record.failed_at = now
            if record.opened_at is not None:
                if is_probe:
                    pause = (now - record.opened_at) / rules.PROBE_SHARE
                    record.probe_at = now + min(rules.PROBE_MOST, max(rules.PROBE_SECONDS, pause))
            elif record.failures >= rules.THRESHOLD or (
                record.failures >= rules.STEADY_FAILURES and now - record.began_at >= rules.STEADY_SECONDS
            ):
                record.opened_at, record.probe_at = now, now + rules.PROBE_SECONDS
            if "@" in subject:
                self._troubled[channel_of(subject)][subject] = now
            return _standing(record, now)

    def postpone(self, subject: str, seconds: float) -> Standing:
        """See `Permission`."""
        with self._lock:
            now, record = self._clock(), self._records[subject]
            record.closed_until = max(record.closed_until, now + seconds)
            return _standing(record, now)

    def mark_slow(self, subject: str, seconds: float) -> None:
        """See `Permission`."""
        with self._lock:
            self._records[subject].slow_until = self._clock() + seconds

    def known(self) -> dict[str, Standing]:
        """See `Permission`."""
        with self._lock:
            now = self._clock()
            standings = {subject: _standing(record, now) for subject, record in self._records.items()}
        return {subject: standing for subject, standing in standings.items() if standing != UNTROUBLED}


def _standing(record: _Record, now: float) -> Standing:
    slow = record.slow_until > now
    if record.closed_until > now:
        return Standing(Breaker.WAITING, record.failures, record.closed_until - now, slow)
    if record.opened_at is not None:
        return Standing(Breaker.OPEN, record.failures, max(0.0, record.probe_at - now), slow)
    return Standing(Breaker.CLOSED, record.failures, 0.0, slow)
