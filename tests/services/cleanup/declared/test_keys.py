"""Keys that were not used for a while go, and no other."""

from datetime import timedelta

import pytest
from redis import Redis

from services.cleanup.declared.keys import Keys
from services.cleanup.declared.policy import KeysPolicy
from services.cleanup.pace import Pace
from shared.errors import InvalidInput
from tests.services.cleanup.declared.conftest import tell

PACE = Pace(10, 0.0, float("inf"))


@pytest.fixture
def redis(redis_url):
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def cleaning(redis_url):
    def make(**fields):
        said = {"name": "left", "schedule": "", "redis": "shop", "pattern": "session:*", "idle": timedelta(minutes=30)}
        return Keys(KeysPolicy(**{**said, **fields}), redis_url, "keys.left")

    return make


def put(redis, key, idle):
    """A key that was not used for so many seconds."""
    redis.set("model", "x" * 100)
    redis.restore(key, 0, redis.dump("model"), idletime=idle, replace=True)
    redis.delete("model")


@pytest.fixture
def sessions(redis):
    """A hundred sessions, idle for as many minutes as their number, and something else as idle."""
    for number in range(100):
        put(redis, f"session:{number}", number * 60 + 5)
    put(redis, "cart:1", 100_000)


def test_idle_keys_that_match_go_in_pages(redis, sessions, cleaning):
    told = []
    assert cleaning().run(PACE, told.append) == {"rows": 70, "complete": True}
    assert {int(key.split(b":")[1]) for key in redis.scan_iter("session:*")} == set(range(30))
    assert redis.exists("cart:1")
    assert told[-1] == 70


def test_a_dry_run_shows_them_and_touches_nothing(redis, sessions, cleaning):
    shown = cleaning().preview()
    assert shown.count == 70
    assert shown.size > 70 * 100
    assert shown.oldest < shown.newest
    assert redis.dbsize() == 101
    assert redis.object("idletime", "session:99") >= 99 * 60


def test_when_time_is_up_the_rest_is_left(redis, sessions, cleaning):
    assert cleaning().run(Pace(10, 0.0, 0.0), tell)["complete"] is False
    assert redis.dbsize() > 31


@pytest.mark.parametrize("pattern", ["*", "**", "?*", "[a-z]*", "*?"])
def test_a_pattern_that_is_every_key_is_refused_unless_that_is_said(redis, sessions, cleaning, pattern):
    for doing in (cleaning(pattern=pattern).check, lambda: cleaning(pattern=pattern).run(PACE, tell)):
        with pytest.raises(InvalidInput, match="`all_keys = true`"):
            doing()
    assert redis.dbsize() == 101
    cleaning(pattern=pattern, all_keys=True).check()


def test_every_key_may_go_when_that_is_said(redis, sessions, cleaning):
    assert cleaning(pattern="*", all_keys=True).run(PACE, tell)["rows"] == 71


def test_a_redis_that_does_not_know_idleness_is_refused(redis, cleaning):
    policy = redis.config_get("maxmemory-policy")["maxmemory-policy"]
    redis.config_set("maxmemory-policy", "allkeys-lfu")
    try:
        put_anything = redis.set("session:1", "x")
        assert put_anything
        with pytest.raises(InvalidInput, match="maxmemory-policy"):
            cleaning().check()
    finally:
        redis.config_set("maxmemory-policy", policy)
