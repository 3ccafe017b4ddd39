"""Dramatiq's Redis broker, surviving what Redis does to it, and waiting for messages instead of asking for them.

Five faults of dramatiq 2.2.1 are mended here; each has a test that fails without its mend:
- an idle consumer asks again and again, too seldom for a one-time code and too often for a machine at rest: ours waits
  until Redis hands it a message (`RedisBroker.wait`; Redis 6.2 or later);
- any Redis error but ConnectionError ends the thread that consumes delayed messages, while the process looks healthy
  (dramatiq #894): every command maps every Redis error to `ConnectionClosed`, after which consumers restart;
- delayed messages a consumer held in memory when its connection broke are never fetched again (dramatiq #527): a new
  consumer of a delay queue first puts back what its predecessor in this process had not finished;
- bytes that are no message end the consumer, and what was fetched with them stays fetched as long as the process lives:
  what is fetched is looked at first (`shared.broker.foreign`);
- a pool of 100 connections is shared by all threads and fails when it is used up: it is as large as it needs to be.
  A waiting consumer holds one of them, as with RabbitMQ.
"""

import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any, cast

import redis
from dramatiq import Message
from dramatiq.broker import MessageProxy
from dramatiq.brokers.redis import RedisBroker as DramatiqRedisBroker
from dramatiq.brokers.redis import _RedisConsumer
from dramatiq.common import q_name
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware

from shared.broker.foreign import read, stand_in

_DEAD_AT_ONCE = 500
_SOCKET_SECONDS = 5.0
_RESCUE_AFTER_MILLISECONDS = 15_000

_WAIT_SECONDS = 1.0
"""How long an idle consumer waits in Redis at a time: so long it may take to notice that it is to stop."""

_HEARTBEAT_SECONDS = 5.0
"""How often an idle consumer fetches all the same, which tells Redis that its process lives."""

_DELAY_SECONDS = 0.1
"""The same while a consumer holds delayed messages: by so much they may be late."""

# Put before Dramatiq's own script. What Redis handed to a worker goes back to the head of its queue, whence the same
# script fetches it with all bookkeeping; what was handed to a worker that died is put back with what it had fetched.
# The name makes it one of the worker's "acks", which have Dramatiq remember a dead worker until nothing of it is left.
_HANDED_BACK = """
do
    local function hand_back(worker)
        local handed = KEYS[1] .. ':__acks__.' .. worker .. '.' .. ARGV[3] .. '.handed'
        redis.call('lmove', handed, KEYS[1] .. ':' .. ARGV[3], 'RIGHT', 'LEFT')
    end
    if ARGV[1] == 'fetch' then hand_back(ARGV[4]) end
    if ARGV[7] == '1' then
        local dead = redis.call('zrangebyscore', KEYS[1] .. ':__heartbeats__', 0, ARGV[2] - ARGV[5])
        for _, worker in ipairs(dead) do hand_back(worker) end
    end
end
"""


class RedisBroker(DramatiqRedisBroker):
    """A Redis broker whose consumers always come back.

    Parameters:
        url: `redis://` or `rediss://user:password@host:port/db`, with redis-py's options after the `?`.
    """

    def __init__(self, url: str, middleware: list[Middleware]) -> None:
        pool = redis.ConnectionPool.from_url(
            url,
            max_connections=1000,
            socket_timeout=_SOCKET_SECONDS,
            socket_connect_timeout=_SOCKET_SECONDS,
            socket_keepalive=True,
            health_check_interval=30,
        )
        super().__init__(middleware=middleware, client=redis.Redis(connection_pool=pool))
        dispatch = self.client.register_script(_HANDED_BACK + cast(bytes, self.scripts["dispatch"].script).decode())
        self.scripts["dispatch"] = dispatch

    @property
    def consumer_class(self) -> type[_RedisConsumer]:
        return _Consumer

    def waiting(self, queue_name: str) -> int:
        """Messages in the queue that no worker has fetched."""
        try:
            return cast(int, self.client.llen(f"{self.namespace}:{queue_name}"))
        except redis.RedisError as error:
            raise ConnectionClosed(error) from None

    def ping(self) -> None:
        """Raises ConnectionClosed unless Redis answers."""
        try:
            self.client.ping()
        except redis.RedisError as error:
            raise ConnectionClosed(error) from None

    def unfinished(self, queue_name: str) -> list[str]:
        """Ids of messages this process fetched from a queue and has not acknowledged."""
        key = f"{self.namespace}:__acks__.{self.broker_id}.{queue_name}"
        try:
            return [member.decode() for member in cast(set[bytes], self.client.smembers(key))]
        except redis.RedisError as error:
            raise ConnectionClosed(error) from None

    @cached_property
    def _nurse(self) -> DramatiqRedisBroker:
        nurse = DramatiqRedisBroker(
            client=self.client,
            middleware=[],
            heartbeat_timeout=_RESCUE_AFTER_MILLISECONDS,
            maintenance_chance=1_000_000,
        )
        nurse.scripts = self.scripts
        return nurse

    def rescue(self) -> None:
        """Put back what workers had fetched when they died.

        Left to itself the broker does this once in a thousand commands, a minute after the death at the earliest.
        """
        try:
            for key in self.client.scan_iter(match=f"{self.namespace}:*.msgs", count=1000):
                self._nurse.do_qsize(key.decode().removeprefix(f"{self.namespace}:").removesuffix(".msgs"))
        except redis.RedisError as error:
            raise ConnectionClosed(error) from None

    def wait(self, queue_name: str, seconds: float) -> bool:
        """Wait for a message, at most so long; whether one was handed to this process, which is to fetch it now.

        Each message wakes one of those who wait for it, the one that has waited longest.
        """
        handed = f"{self.namespace}:__acks__.{self.broker_id}.{queue_name}.handed"
        try:
            return self.client.blmove(f"{self.namespace}:{queue_name}", handed, cast(int, seconds)) is not None
        except redis.RedisError as error:
            raise ConnectionClosed(error) from None

    def do_fetch(self, queue_name: str, count: int) -> list[bytes | None]:
        """Fetch up to `count` messages; in the place of what is none of ours there is a stand-in."""
        fetched: list[bytes | None] = self._dispatch("fetch")(queue_name, count)
        foreign = [data for data in fetched if data is not None and not self._is_ours(data, queue_name)]
        if not foreign:
            return fetched
        ids = self._ids_by_data(queue_name)
        return [
            stand_in(queue_name, redis_message_id=ids[data].pop()) if data in foreign and ids.get(data) else data
            for data in fetched
        ]

    def _is_ours(self, data: bytes, queue_name: str) -> bool:
        message = read(data, queue_name)
        return not isinstance(message, str) and "redis_message_id" in message.options

    def _ids_by_data(self, queue_name: str) -> dict[bytes, list[str]]:
        """Of what this process has fetched: what is no message does not say under which id it is kept."""
        found: dict[bytes, list[str]] = {}
        try:
            for identifier in self.unfinished(queue_name):
                data = self.client.hget(f"{self.namespace}:{queue_name}.msgs", identifier)
                if data is not None:
                    found.setdefault(cast(bytes, data), []).append(identifier)
        except redis.RedisError as error:
            raise ConnectionClosed(error) from None
        return found

    def take_dead(self, queue_name: str, take: Callable[[bytes], object]) -> int:
        """Empty a queue's dead letters into `take`; how many there were. One that it raises for stays."""
        key = f"{self.namespace}:{queue_name}.XQ"
        try:
            identifiers = cast(list[bytes], self.client.zrange(key, 0, _DEAD_AT_ONCE - 1))
            for identifier in identifiers:
                data = self.client.hget(f"{key}.msgs", cast(str, identifier))
                if data is not None:
                    take(cast(bytes, data))
                with self.client.pipeline() as both:
                    both.zrem(key, identifier)
                    both.hdel(f"{key}.msgs", cast(str, identifier))
                    both.execute()
        except redis.RedisError as error:
            raise ConnectionClosed(error) from None
        return len(identifiers)

    def _dispatch(self, command: str) -> Callable[..., Any]:
        dispatch = super()._dispatch(command)

        def surely(queue_name: str, *args: Any) -> Any:
            try:
                return dispatch(queue_name, *args)
            except redis.RedisError as error:
                raise ConnectionClosed(error) from None

        return surely


class _Consumer(_RedisConsumer):
    broker: RedisBroker

    def __init__(self, broker: RedisBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)
        self._is_delayed = queue_name != q_name(queue_name)
        self._room = threading.Event()
        self._quiet_until = 0.0
        if self._is_delayed and (stranded := broker.unfinished(queue_name)):
            broker.do_requeue(queue_name, *stranded)

    def __next__(self) -> MessageProxy | None:
        if not self.message_cache:
            self.message_cache = self._fetch()
        while self.message_cache:
            # None: its text was purged since.
            if (data := self.message_cache.pop(0)) is not None:
                message: Message[Any] = Message.decode(data)
                self.queued_message_ids.add(message.message_id)
                return MessageProxy(message)
        return None

    def _fetch(self) -> list[bytes | None]:
        self._room.clear()
        free = self.prefetch - self.outstanding_message_count
        if free <= 0:
            self._room.wait(self._patience)
            return []
        fetched = [] if time.monotonic() < self._quiet_until else self._ask(free)
        if not fetched and self.broker.wait(self.queue_name, self._patience):
            fetched = self._ask(free)
        return fetched

    def _ask(self, count: int) -> list[bytes | None]:
        fetched = self.broker.do_fetch(self.queue_name, count)
        self._quiet_until = 0.0 if fetched else time.monotonic() + _HEARTBEAT_SECONDS
        return fetched

    @property
    def _patience(self) -> float:
        return _DELAY_SECONDS if self._is_delayed and self.queued_message_ids else _WAIT_SECONDS

    def ack(self, message: MessageProxy) -> None:
        try:
            super().ack(message)
        finally:
            self._room.set()

    def nack(self, message: MessageProxy) -> None:
        try:
            super().nack(message)
        finally:
            self._room.set()
