"""The gateway accepts while the broker is away, and what it accepted is delivered."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crier.local.redis import RedisServer

ACCEPTS = 500


@pytest.fixture
def redis(server_folder: Path) -> Iterator[RedisServer]:
    """A Redis that this test may stop."""
    server = RedisServer(server_folder, appendonly=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def broker_url(redis: RedisServer) -> str:
    return redis.url


@pytest.mark.parametrize("how", ["killed", "hung"])
def test_every_accept_is_202_and_delivered_later(system, redis, how):
    system.start("gateway", "relay", "sms")
    system.send_sms(1)
    system.wait_until(lambda: system.states() == {"sent": 1}, "the system works")

    def accept(number: int) -> int:
        if number == ACCEPTS // 4:
            redis.kill() if how == "killed" else redis.pause()
        request = {"channel": "sms", "content": {"body": "Hello"}, "to": {"phone": f"+4477008{number:05d}"}}
        return system.http("POST", "/v1/notifications", json=request).status_code

    try:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(accept, range(ACCEPTS)))
        assert answers == [202] * ACCEPTS
    finally:
        redis.start() if how == "killed" else redis.resume()
    system.wait_until(lambda: system.states() == {"sent": ACCEPTS + 1}, "everything is sent", seconds=90)
    assert max(system.sent_to().values()) == 1
    assert len(system.sent_to()) == ACCEPTS + 1
