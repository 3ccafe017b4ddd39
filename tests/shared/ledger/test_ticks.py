"""A tick's work is begun once, whoever asks, and is not lost with whoever began it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from shared.ledger.database import Database
from shared.ledger.ticks import TRIES, Ticks

TICK = datetime(2026, 3, 1, 3, 15, tzinfo=UTC)
LEASE = 100.0


@pytest.fixture
def ticks(database: Database) -> Ticks:
    return Ticks(database)


@pytest.fixture
def let_pass(database):
    """Makes it seem that every tick was last touched so many seconds earlier."""

    def passed(seconds):
        database.execute(
            text("UPDATE ticks SET started_at = started_at - make_interval(secs => :seconds)"), {"seconds": seconds}
        )

    return passed


def test_of_many_claims_at_once_one_succeeds(ticks):
    barrier = Barrier(12)

    def claim(_):
        barrier.wait()
        return ticks.claim("retention", TICK)

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(claim, range(12))) == 1


def test_a_finished_tick_is_never_claimed_again(ticks, let_pass):
    assert ticks.claim("retention", TICK, lease=LEASE)
    ticks.finish("retention", TICK, {"removed": 3})
    let_pass(10 * LEASE)
    assert not ticks.claim("retention", TICK, lease=LEASE)
    assert not ticks.announce("retention", TICK, lease=LEASE)
    last = ticks.last("retention")
    assert last
    assert last.finished_at
    assert last.result == {"removed": 3}
    assert not last.is_abandoned(LEASE)


def test_what_a_dead_worker_began_is_claimable_after_its_lease_and_only_then(ticks, let_pass):
    assert ticks.claim("retention", TICK, lease=LEASE)
    let_pass(LEASE - 30)
    assert not ticks.claim("retention", TICK, lease=LEASE)
    assert not ticks.last("retention").is_abandoned(LEASE)
    let_pass(60)
    assert ticks.last("retention").is_abandoned(LEASE)
    assert ticks.claim("retention", TICK, lease=LEASE)
    assert not ticks.claim("retention", TICK, lease=LEASE)


def test_the_late_result_of_a_run_given_up_for_dead_does_not_overwrite_the_next(ticks, let_pass):
    assert ticks.claim("retention", TICK, lease=LEASE)
    let_pass(2 * LEASE)
    assert ticks.claim("retention", TICK, lease=LEASE)
    ticks.finish("retention", TICK, {"run": 2})
    ticks.finish("retention", TICK, {"run": 1})
    assert ticks.last("retention").result == {"run": 2}


def test_a_failed_tick_is_claimable_at_once_and_keeps_its_error(ticks):
    assert ticks.claim("retention", TICK)
    ticks.fail("retention", TICK, "ValueError: no")
    assert ticks.last("retention").result == {"tries": 1, "error": "ValueError: no"}
    assert ticks.claim("retention", TICK)
    assert ticks.last("retention").result == {"tries": 2, "running": True}


@pytest.mark.parametrize("end", ["failure", "death"])
def test_a_tick_that_always_fails_or_kills_is_given_up(ticks, let_pass, end):
    for _ in range(TRIES):
        assert ticks.claim("retention", TICK, lease=LEASE)
        if end == "failure":
            ticks.fail("retention", TICK, "no")
        else:
            let_pass(2 * LEASE)
    assert not ticks.claim("retention", TICK, lease=LEASE)
    let_pass(2 * LEASE)
    assert not ticks.last("retention").is_abandoned(LEASE)


def test_stopping_a_run_costs_no_try(ticks):
    for _ in range(3 * TRIES):
        assert ticks.claim("retention", TICK)
        ticks.release("retention", TICK)
    assert ticks.last("retention").result == {"tries": 0}


@pytest.mark.parametrize("known", ["claim", "announce", "skip"])
def test_a_newer_tick_makes_an_older_one_pointless(ticks, known):
    later = TICK + timedelta(hours=1)
    assert {
        "claim": lambda: ticks.claim("secrets", later),
        "announce": lambda: ticks.announce("secrets", later, lease=LEASE),
        "skip": lambda: ticks.skip("secrets", later, "why"),
    }[known]()
    assert not ticks.claim("secrets", TICK)
    assert not ticks.announce("secrets", TICK, lease=LEASE)
    assert not ticks.skip("secrets", TICK, "why")
    assert ticks.claim("retention", TICK), "another job's ticks have nothing to do with it"


def test_a_scheduler_whose_clock_is_ahead_cannot_use_up_ticks_to_come(ticks):
    assert not ticks.claim("secrets", ticks.now() + timedelta(hours=1))
    assert ticks.claim("secrets", ticks.now() + timedelta(seconds=2)), "a clock is never exact"


def test_an_announced_tick_is_claimed_once(ticks, let_pass):
    assert ticks.announce("retention", TICK, lease=LEASE)
    assert not ticks.announce("retention", TICK, lease=LEASE)
    assert ticks.claim("retention", TICK, lease=LEASE)
    assert not ticks.claim("retention", TICK, lease=LEASE)


def test_announcing_an_abandoned_tick_frees_it(ticks, let_pass):
    assert ticks.claim("retention", TICK, lease=LEASE)
    let_pass(2 * LEASE)
    assert ticks.announce("retention", TICK, lease=LEASE)
    assert not ticks.last("retention").is_abandoned(LEASE)
    assert ticks.claim("retention", TICK, lease=LEASE)
    assert ticks.last("retention").result["tries"] == 2


def test_a_skipped_tick_is_not_claimed_and_a_begun_one_not_skipped(ticks):
    assert ticks.skip("idempotency", TICK, "Nobody began it in time.")
    assert not ticks.claim("idempotency", TICK)
    assert ticks.claim("secrets", TICK)
    assert not ticks.skip("secrets", TICK, "Nobody began it in time.")


def test_the_last_tick_is_the_newest(ticks):
    assert ticks.last("secrets") is None
    for hours in range(3):
        assert ticks.claim("secrets", TICK + timedelta(hours=hours))
    assert ticks.last("secrets").tick == TICK + timedelta(hours=2)
