"""What workers know of providers is shared, and no worker waits for the server that keeps it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crier.local.redis import RedisServer
from shared.providers.permission import THRESHOLD, Breaker, Standing, Wish
from shared.providers.permission_redis import PATIENCE, RedisPermission

WISHES = [Wish("sms.twilio", 12)]


def count(permission: RedisPermission) -> int:
    return permission.ask(WISHES, 20, urgent=False, spread=False).grants[0].count


def test_what_one_worker_finds_out_all_know(redis_url: str) -> None:
    one, other = RedisPermission(redis_url), RedisPermission(redis_url)
    for _ in range(THRESHOLD // 2):
        one.failed("sms.twilio")
        other.failed("sms.twilio")
    assert (count(one), count(other)) == (0, 0)


@pytest.fixture
def own_redis(server_folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(server_folder, appendonly=False)
    server.start()
    yield server
    server.stop()


def test_without_redis_a_process_goes_by_what_it_sees(own_redis: RedisServer) -> None:
    permission = RedisPermission(own_redis.url)
    assert count(permission) == 12
    own_redis.stop()
    assert count(permission) == 12
    for _ in range(THRESHOLD):
        standing = permission.failed("sms.twilio")
    assert standing.breaker is Breaker.OPEN
    assert count(permission) == 0
    assert set(permission.known()) == {"sms.twilio"}
    own_redis.start()
    deadline = time.monotonic() + 10
    while count(permission) == 0:
        assert time.monotonic() < deadline, "Redis is not asked again"
    assert permission.known() == {}


def test_a_redis_that_hangs_is_waited_for_once_a_second_at_most(own_redis: RedisServer) -> None:
    permission = RedisPermission(own_redis.url)
    assert count(permission) == 12
    own_redis.pause()
    try:
        begun = time.monotonic()
        for _ in range(100):
            assert permission.succeeded("sms.twilio") == Standing()
        assert time.monotonic() - begun < 100 * PATIENCE / 4
    finally:
        own_redis.resume()
