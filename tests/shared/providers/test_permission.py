"""Breakers and rates: the same rules in Redis and in one process."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import Redis

from shared.providers.permission import (
    FAULT_WEIGHT,
    FORGET_SECONDS,
    PROBE_LEASE,
    PROBE_MOST,
    PROBE_SECONDS,
    STEADY_FAILURES,
    STEADY_SECONDS,
    THRESHOLD,
    Breaker,
    Grant,
    Permission,
    Rate,
    Standing,
    Wish,
)
from shared.providers.permission_local import LocalPermission
from shared.providers.permission_redis import RedisPermission

FIRST, SECOND = "sms.twilio", "sms.http"
MOMENTS = ("began_at", "failed_at", "opened_at", "probe_at", "closed_until", "slow_until", "filled_at", "urgent_until")


class Kept:
    """A permission, and a way to let time pass for what it knows."""

    def __init__(self, permission: Permission, later: Callable[[float], None]) -> None:
        self.permission, self.later = permission, later

    def ask(self, *wishes: Wish, size: int = 20, urgent: bool = False, spread: bool = False) -> list[Grant]:
        return list(self.permission.ask(wishes, size, urgent=urgent, spread=spread).grants)

    def counts(self, *wishes: Wish, **how: Any) -> list[int]:
        return [grant.count for grant in self.ask(*wishes, **how)]

    def open(self, subject: str = FIRST) -> None:
        for _ in range(THRESHOLD):
            standing = self.permission.failed(subject)
        assert standing.breaker is Breaker.OPEN


@pytest.fixture(params=["redis", "local"])
def kept(request: pytest.FixtureRequest) -> Kept:
    if request.param == "local":
        now = [1000.0]
        return Kept(LocalPermission(lambda: now[0]), lambda seconds: now.__setitem__(0, now[0] + seconds))
    url = request.getfixturevalue("redis_url")
    client = Redis.from_url(url, decode_responses=True)

    def later(seconds: float) -> None:
        for key in client.scan_iter("crier:*"):
            if client.type(key) == "hash":
                for field in MOMENTS:
                    if client.hexists(key, field):
                        client.hincrbyfloat(key, field, -seconds)
            else:
                for member in client.zrange(key, 0, -1):
                    client.zincrby(key, -seconds, member)

    return Kept(RedisPermission(url), later)


def wish(subject: str = FIRST, room: int = 12, rate: Rate | None = None) -> Wish:
    return Wish(subject, room, rate)


def test_the_first_has_all_while_it_works(kept: Kept) -> None:
    assert kept.counts(wish(), wish(SECOND)) == [12, 0]
    assert kept.counts(wish(), wish(SECOND), size=5) == [5, 0]
    assert kept.counts(wish(room=0), wish(SECOND)) == [0, 0], "who is busy is waited for"


def test_all_share_where_the_route_is_weighted(kept: Kept) -> None:
    assert kept.counts(wish(room=12), wish(SECOND, room=3), size=10, spread=True) == [10, 3]


def test_failures_in_a_row_open_the_breaker_and_the_next_provider_takes_over(kept: Kept) -> None:
    for failures in range(1, THRESHOLD):
        assert kept.permission.failed(FIRST) == Standing(failures=failures)
        assert kept.counts(wish()) == [min(12, THRESHOLD - failures)], "ever fewer at once"
    opened = kept.permission.failed(FIRST)
    assert (opened.breaker, opened.wait) == (Breaker.OPEN, pytest.approx(PROBE_SECONDS, abs=0.1))
    assert kept.counts(wish(), wish(SECOND)) == [0, 12]


def test_a_success_ends_a_row(kept: Kept) -> None:
    for _ in range(THRESHOLD - 1):
        kept.permission.failed(FIRST)
    assert kept.permission.succeeded(FIRST) == Standing()
    assert kept.permission.failed(FIRST).failures == 1


def test_faults_of_the_account_open_it_sooner(kept: Kept) -> None:
    assert kept.permission.failed(FIRST, weight=FAULT_WEIGHT).breaker is Breaker.CLOSED
    assert kept.permission.failed(FIRST, weight=FAULT_WEIGHT).breaker is Breaker.OPEN


def test_few_failures_that_lie_apart_open_it_too(kept: Kept) -> None:
    for _ in range(STEADY_FAILURES - 1):
        assert kept.permission.failed(FIRST).breaker is Breaker.CLOSED
        kept.later(STEADY_SECONDS)
    assert kept.permission.failed(FIRST).breaker is Breaker.OPEN


def test_old_failures_are_forgotten(kept: Kept) -> None:
    for _ in range(THRESHOLD - 1):
        kept.permission.failed(FIRST)
    kept.later(FORGET_SECONDS + 1)
    assert kept.permission.failed(FIRST) == Standing(failures=1)


def test_one_worker_probes_with_one_delivery(kept: Kept) -> None:
    kept.open()
    kept.later(PROBE_SECONDS)
    with ThreadPoolExecutor(8) as workers:
        grants = [grant for grant, _ in workers.map(lambda _: kept.ask(wish(), wish(SECOND)), range(8))]
    assert sorted(grant.count for grant in grants) == [0] * 7 + [1]
    assert sum(grant.is_probe for grant in grants) == 1
    assert kept.permission.failed(FIRST, is_probe=True).wait == pytest.approx(PROBE_SECONDS, abs=0.1)
    assert kept.counts(wish()) == [0]
    kept.later(PROBE_SECONDS)
    assert kept.counts(wish()) == [1]


def test_the_longer_it_lasts_the_less_often_it_is_probed(kept: Kept) -> None:
    kept.open()
    for passed, pause in ((360, 30), (36_000, PROBE_MOST)):
        kept.later(passed)
        assert kept.counts(wish()) == [1]
        assert kept.permission.failed(FIRST, is_probe=True).wait == pytest.approx(pause, abs=0.2)


def test_a_late_failure_of_an_older_call_brings_no_second_probe(kept: Kept) -> None:
    kept.open()
    kept.later(PROBE_SECONDS)
    assert kept.counts(wish()) == [1]
    kept.permission.failed(FIRST)
    kept.later(PROBE_SECONDS)
    assert kept.counts(wish()) == [0]


def test_a_probe_nobody_heard_of_again_is_given_up(kept: Kept) -> None:
    kept.open()
    kept.later(PROBE_SECONDS)
    assert kept.counts(wish()) == [1]
    kept.later(PROBE_LEASE + 0.1)
    assert kept.counts(wish()) == [1]


def test_a_probe_that_was_not_needed_is_there_for_the_next(kept: Kept) -> None:
    kept.open()
    kept.later(PROBE_SECONDS)
    assert kept.counts(wish()) == [1]
    kept.permission.give_back(FIRST, 1, is_probe=True)
    assert kept.counts(wish()) == [1]


def test_a_probe_that_works_closes_it_on_probation(kept: Kept) -> None:
    kept.open()
    assert kept.permission.succeeded(FIRST) == Standing(failures=THRESHOLD - 1)
    assert kept.counts(wish(), wish(SECOND)) == [1, 0], "back to the preferred one, carefully"
    assert kept.permission.failed(FIRST).breaker is Breaker.OPEN
    kept.permission.succeeded(FIRST)
    assert kept.permission.succeeded(FIRST) == Standing()
    assert kept.counts(wish()) == [12]


def test_who_asked_for_patience_is_not_called_before(kept: Kept) -> None:
    assert kept.permission.postpone(FIRST, 30).breaker is Breaker.WAITING
    assert kept.permission.postpone(FIRST, 10).wait == pytest.approx(30, abs=0.1), "the longer one counts"
    assert kept.counts(wish(), wish(SECOND)) == [0, 12]
    kept.later(29)
    assert kept.counts(wish()) == [0]
    kept.later(1.5)
    assert kept.counts(wish()) == [12]


def test_who_is_slow_comes_last(kept: Kept) -> None:
    kept.permission.mark_slow(FIRST, 60)
    assert kept.counts(wish(), wish(SECOND)) == [0, 12]
    kept.open(SECOND)
    assert kept.counts(wish(), wish(SECOND)) == [12, 0], "slow is better than nobody"
    kept.permission.mark_slow(SECOND, 60)
    kept.later(61)
    assert kept.counts(wish(), wish(SECOND)) == [12, 0]


def test_a_rate_lets_a_second_s_worth_through_at_once_and_then_as_they_come(kept: Kept) -> None:
    limited = wish(rate=Rate(4, 4))
    assert kept.counts(limited, wish(SECOND)) == [4, 0], "the rest waits; it does not go elsewhere"
    assert kept.counts(limited, wish(SECOND)) == [0, 0]
    kept.later(0.5)
    assert kept.counts(limited) == [2]
    kept.later(100)
    assert kept.counts(limited) == [4]


def test_less_than_one_a_second(kept: Kept) -> None:
    limited = wish(rate=Rate(10 / 60, 1))
    assert kept.counts(limited) == [1]
    (grant,) = kept.ask(limited)
    assert (grant.count, grant.standing.wait) == (0, pytest.approx(6))
    kept.later(6.1)
    assert kept.counts(limited) == [1]


def test_calls_that_were_not_begun_give_their_tokens_back(kept: Kept) -> None:
    limited = wish(rate=Rate(4, 4))
    assert kept.counts(limited) == [4]
    kept.permission.give_back(FIRST, 3, is_probe=False)
    assert kept.counts(limited) == [3]


def test_an_urgent_lane_that_found_no_token_has_the_next(kept: Kept) -> None:
    limited = wish(rate=Rate(2, 2))
    assert kept.counts(limited) == [2]
    assert kept.counts(limited, urgent=True) == [0]
    kept.later(0.6)
    assert kept.counts(limited) == [0]
    assert kept.counts(limited, urgent=True) == [1]
    kept.later(0.6)
    assert kept.counts(limited) == [1]


def test_destinations_in_trouble_are_told_of_until_they_work(kept: Kept) -> None:
    there = f"{FIRST}@example.com"

    def troubled() -> int:
        return kept.permission.ask([wish()], 1, urgent=False, spread=False).troubled

    assert troubled() == 0
    kept.permission.failed(FIRST)
    assert troubled() == 0, "a provider is no destination"
    kept.open(there)
    assert troubled() == 1
    assert kept.counts(wish(there), wish(f"{FIRST}@example.org"), spread=True) == [0, 12]
    kept.permission.succeeded(there)
    assert troubled() == 1, "on probation"
    kept.permission.succeeded(there)
    assert troubled() == 0


def test_people_see_who_is_not_as_he_should_be(kept: Kept) -> None:
    assert kept.permission.known() == {}
    kept.open(FIRST)
    kept.permission.postpone(SECOND, 30)
    kept.permission.mark_slow("email.ses", 30)
    known = kept.permission.known()
    assert {subject: (standing.breaker, standing.slow) for subject, standing in known.items()} == {
        FIRST: (Breaker.OPEN, False), SECOND: (Breaker.WAITING, False), "email.ses": (Breaker.CLOSED, True),
    }  # fmt: skip
    kept.permission.succeeded(FIRST)
    kept.permission.succeeded(FIRST)
    assert FIRST not in kept.permission.known()
