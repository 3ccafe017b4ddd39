"""Dramatiq's Redis broker, surviving what Redis does to it.

Four faults of dramatiq 2.2.1 are mended here; each has a test that fails without its mend:
- any Redis error but ConnectionError ends the thread that consumes delayed messages, while the process looks healthy
  (dramatiq #894): every command maps every Redis error to `ConnectionClosed`, after which consumers restart;
- delayed messages a consumer held in memory when its connection broke are never fetched again (dramatiq #527): a new
  consumer of a delay queue first puts back what its predecessor in this process had not finished;
- bytes that are no message end the consumer, and what was fetched with them stays fetched as long as the process lives:
  what is fetched is looked at first (`shared.broker.foreign`);
- a pool of 100 connections is shared by all threads and fails when it is used up: it is as large as it needs to be.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, cast

import redis
from dramatiq.brokers.redis import RedisBroker as DramatiqRedisBroker
from dramatiq.brokers.redis import _RedisConsumer
from dramatiq.common import q_name
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware

from shared.broker.foreign import read, stand_in

_DEAD_AT_ONCE = 500
_SOCKET_SECONDS = 5.0
_RESCUE_AFTER_MILLISECONDS = 15_000


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
        return DramatiqRedisBroker(
            client=self.client,
            middleware=[],
            heartbeat_timeout=_RESCUE_AFTER_MILLISECONDS,
            maintenance_chance=1_000_000,
        )

    def rescue(self) -> None:
        """Put back what workers had fetched when they died.

        Left to itself the broker does this once in a thousand commands, a minute after the death at the earliest.
        """
        try:
            for key in self.client.scan_iter(match=f"{self.namespace}:*.msgs", count=1000):
                self._nurse.do_qsize(key.decode().removeprefix(f"{self.namespace}:").removesuffix(".msgs"))
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
    def __init__(self, broker: RedisBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)
        if queue_name != q_name(queue_name) and (stranded := broker.unfinished(queue_name)):
            broker.do_requeue(queue_name, *stranded)
