"""Keys of a Redis that nobody has touched for a while: sessions that were left, answers nobody asks for again."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from services.cleanup.declared.cleaner import Preview, Tell, walk
from services.cleanup.declared.policy import KeysPolicy
from services.cleanup.pace import Pace
from shared.errors import InvalidInput

_TIMEOUT = 10.0
# Whether a key is idle and its end are one step: who uses it in between keeps it. OBJECT does not count as a use.
_REMOVE = """
    local removed = 0
    for _, key in ipairs(KEYS) do
        local idle = redis.call('OBJECT', 'IDLETIME', key)
        if idle and idle >= tonumber(ARGV[1]) then removed = removed + redis.call('UNLINK', key) end
    end
    return removed
"""
_LOOK = """
    local found = {}
    for _, key in ipairs(KEYS) do
        local idle = redis.call('OBJECT', 'IDLETIME', key)
        if idle and idle >= tonumber(ARGV[1]) then
            found[#found + 1] = idle
            found[#found + 1] = redis.call('MEMORY', 'USAGE', key) or 0
        end
    end
    return found
"""
_WILD = re.compile(r"\\.|\[[^\]]*\]|[*?]")


@dataclass(frozen=True)
class Keys:
    """A policy on keys, with its Redis."""

    policy: KeysPolicy
    url: str
    path: str

    def check(self) -> None:
        """See `Cleaner`."""
        with self._connected():
            pass

    def preview(self) -> Preview:
        """See `Cleaner`."""
        idles: list[int] = []
        size = 0
        with self._connected() as redis:
            look = redis.register_script(_LOOK)
            for keys in _pages(redis, self.policy.pattern, 1000):
                found = look(keys=keys, args=[self._seconds])
                idles += found[::2]
                size += sum(found[1::2])
            moment = datetime.fromtimestamp(redis.time()[0], UTC)
        if not idles:
            return Preview(0, None, None, 0)
        oldest, newest = ((moment - timedelta(seconds=idle)).isoformat() for idle in (max(idles), min(idles)))
        return Preview(len(idles), oldest, newest, size)

    def run(self, pace: Pace, tell: Tell) -> Mapping[str, Any]:
        """See `Cleaner`."""
        with self._connected() as redis:
            remove = redis.register_script(_REMOVE)
            pages = _pages(redis, self.policy.pattern, pace.size)
            return asdict(walk(pace, (remove(keys=keys, args=[self._seconds]) for keys in pages), tell))

    @property
    def _seconds(self) -> int:
        # Redis counts whole seconds, at least one.
        return max(1, round(self.policy.idle.total_seconds()))

    @contextmanager
    def _connected(self) -> Iterator["Redis"]:
        if not self.policy.all_keys and not _WILD.sub("", self.policy.pattern):
            raise InvalidInput(
                {f"{self.path}.pattern": [
                    f"{self.policy.pattern!r} is every key of that Redis. Name a prefix, such as session:*, "
                    "or say `all_keys = true` if that is meant."
                ]}
            )  # fmt: skip
        with Redis.from_url(self.url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT) as redis:
            self._check_idleness_is_known(redis)
            yield redis

    def _check_idleness_is_known(self, redis: Redis) -> None:
        any_key = redis.randomkey()
        if any_key is None:
            return
        try:
            redis.object("idletime", any_key)
        except ResponseError as error:
            if "LFU" in str(error):
                raise InvalidInput(
                    {f"{self.path}.idle": [
                        "This Redis counts how often keys are used, not when: set its maxmemory-policy to one without "
                        "lfu, or let the application give its keys a time to live."
                    ]}
                ) from error  # fmt: skip
            if "no such key" not in str(error).lower():
                raise


def _pages(redis: Redis, pattern: str, size: int) -> Iterator[list[Any]]:
    """Every key that matches, in pages of up to `size`; a page may be empty."""
    cursor = 0
    while True:
        cursor, keys = redis.scan(cursor, match=pattern, count=size)
        if keys:
            yield keys
        if not cursor:
            return
