"""Permission as all workers know it: one record a subject in Redis, changed by scripts."""

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.providers import permission_scripts as scripts
from shared.providers.permission import UNTROUBLED, Answer, Breaker, Grant, Standing, Wish, channel_of
from shared.providers.permission_local import LocalPermission

T = TypeVar("T")
log = structlog.get_logger(__name__)

PATIENCE = 0.2
"""Seconds Redis has to answer before a worker goes on without it."""
_PAUSE = 1.0


class RedisPermission:
    """The rules of `shared.providers.permission`, shared by all workers.

    While Redis is away a process goes by what it sees itself, and asks again after a second: sending never waits for
    it. What was known comes back with Redis, or has to be found out again.

    Parameters:
        url: of a Redis 5 or later, with redis-py's options after the `?`.
    """

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            max_connections=1000,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
        )
        self._alone = LocalPermission()
        self._asked_again_at: float | None = None
        self._ask = self._redis.register_script(scripts.ASK)
        self._give_back = self._redis.register_script(scripts.GIVE_BACK)
        self._succeeded = self._redis.register_script(scripts.SUCCEEDED)
        self._failed = self._redis.register_script(scripts.FAILED)
        self._postpone = self._redis.register_script(scripts.POSTPONE)
        self._read = self._redis.register_script(scripts.READ)

    def ask(self, wishes: Sequence[Wish], size: int, *, urgent: bool, spread: bool) -> Answer:
        """See `Permission`."""
        keys = [_key(wish.subject) for wish in wishes] + [_destinations(wishes[0].subject)]
        arguments: list[Any] = [size, int(urgent), int(spread)]
        for wish in wishes:
            arguments += [wish.room, *((wish.rate.per_second, wish.rate.burst) if wish.rate else (0, 0))]

        def asked() -> Answer:
            *rows, troubled = self._ask(keys, arguments)
            return Answer([Grant(row[0], bool(row[1]), _standing(row[2:])) for row in rows], troubled)

        return self._surely(asked, lambda: self._alone.ask(wishes, size, urgent=urgent, spread=spread))

    def give_back(self, subject: str, count: int, *, is_probe: bool) -> None:
        """See `Permission`."""
        self._surely(
            lambda: self._give_back([_key(subject)], [count, int(is_probe)]),
            lambda: self._alone.give_back(subject, count, is_probe=is_probe),
        )

    def succeeded(self, subject: str) -> Standing:
        """See `Permission`."""
        return self._surely(
            lambda: _standing(self._succeeded([_key(subject), _troubled(subject)], [subject])),
            lambda: self._alone.succeeded(subject),
        )

    def failed(self, subject: str, *, weight: int = 1, is_probe: bool = False) -> Standing:
        """See `Permission`."""
        return self._surely(
            lambda: _standing(self._failed([_key(subject), _troubled(subject)], [subject, weight, int(is_probe)])),
            lambda: self._alone.failed(subject, weight=weight, is_probe=is_probe),
        )

    def postpone(self, subject: str, seconds: float) -> Standing:
        """See `Permission`."""
        arguments: list[Any] = [subject, seconds, "closed_until"]
        return self._surely(
            lambda: _standing(self._postpone([_key(subject), _troubled(subject)], arguments)),
            lambda: self._alone.postpone(subject, seconds),
        )

    def mark_slow(self, subject: str, seconds: float) -> None:
        """See `Permission`."""
        arguments: list[Any] = [subject, seconds, "slow_until"]
        self._surely(
            lambda: self._postpone([_key(subject), _troubled(subject)], arguments),
            lambda: self._alone.mark_slow(subject, seconds),
        )

    def known(self) -> dict[str, Standing]:
        """See `Permission`."""

        def looked_up() -> dict[str, Standing]:
            lists = self._redis.scan_iter(match="crier:{*}:trouble*", count=1000)
            members = {member for key in lists for member in cast(list[bytes], self._redis.zrange(key, 0, -1))}
            subjects = sorted(member.decode() for member in members)
            return {subject: _standing(self._read([_key(subject)], [])) for subject in subjects}

        standings = self._surely(looked_up, self._alone.known)
        return {subject: standing for subject, standing in standings.items() if standing != UNTROUBLED}

    def _surely(self, shared: Callable[[], T], alone: Callable[[], T]) -> T:
        was_away = self._asked_again_at is not None
        if self._asked_again_at is not None:
            if time.monotonic() < self._asked_again_at:
                return alone()
            # Set first: one thread finds out, the others do not wait with it.
            self._asked_again_at = time.monotonic() + _PAUSE
        try:
            answer = shared()
        except redis.RedisError as error:
            self._asked_again_at = time.monotonic() + _PAUSE
            if not was_away:
                log.warning("Redis is away: this process goes by what it sees of providers itself", reason=str(error))
            return alone()
        if was_away:
            self._asked_again_at = None
            log.info("Redis is back: workers share again what they know of providers")
        return answer


def _key(subject: str) -> str:
    # In braces: all keys of a channel are in one slot of a Redis Cluster, as scripts need them.
    return f"crier:{{{channel_of(subject)}}}:{subject}"


def _destinations(subject: str) -> str:
    return f"crier:{{{channel_of(subject)}}}:trouble@"


def _troubled(subject: str) -> str:
    return _destinations(subject) if "@" in subject else f"crier:{{{channel_of(subject)}}}:trouble"


def _standing(row: Sequence[int]) -> Standing:
    breaker, failures, wait, slow = row
    return Standing(Breaker(breaker), failures, wait / 1000, bool(slow))
