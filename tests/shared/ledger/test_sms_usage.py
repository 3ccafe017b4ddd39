"""The account of SMS let through: what has room, what has none, and for how long."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.ledger.database import Database
from shared.ledger.sms_limits import Limit, Limits, Rate, Sms
from shared.ledger.sms_usage import SmsUsage

THREE_IN_TEN_MINUTES = Limits(number=Rate(3, 600))
AGED = text("UPDATE sms_usage SET admitted_at = admitted_at - make_interval(secs => :seconds)")
YESTERDAY = text("UPDATE sms_spend SET day = day - 1")


@pytest.fixture
def usage(database: Database) -> SmsUsage:
    return SmsUsage(database)


@pytest.fixture
def age(database: Database) -> Callable[[float], None]:
    """Let time pass for everything that was counted."""
    return lambda seconds: (database.execute(AGED, {"seconds": seconds}), None)[1]


def sms(number: str = "+447700900123", *, project: int = 1, block: str | None = None, **fields: Any) -> Sms:
    return Sms(uuid4(), project, number, block, **fields)


def test_what_is_over_the_limit_of_a_number_is_told_when_there_is_room(usage: SmsUsage, age: Any) -> None:
    assert usage.admit([sms(), sms()], THREE_IN_TEN_MINUTES) == {}
    age(200)
    last, over = sms(), sms()
    [(delivery, excess)] = usage.admit([last, over], THREE_IN_TEN_MINUTES).items()
    assert delivery == over.delivery_id
    assert excess.limit is Limit.NUMBER
    assert 395 < excess.seconds <= 400
    age(401)
    assert usage.admit([over], THREE_IN_TEN_MINUTES) == {}


def test_it_is_any_ten_minutes_and_not_those_of_the_clock(usage: SmsUsage, age: Any) -> None:
    for _ in range(3):
        assert usage.admit([sms()], THREE_IN_TEN_MINUTES) == {}
        age(250)
    # 750, 500 and 250 s ago: the first is out of the window, so one has room, and the next has to wait for the second.
    one, two = sms(), sms()
    [(delivery, excess)] = usage.admit([one, two], THREE_IN_TEN_MINUTES).items()
    assert delivery == two.delivery_id
    assert 95 < excess.seconds <= 100


def test_those_who_wait_for_one_number_do_not_all_come_back_at_once(usage: SmsUsage) -> None:
    excesses = usage.admit([sms() for _ in range(10)], THREE_IN_TEN_MINUTES)
    assert [round(excess.seconds) for excess in excesses.values()] == [600] * 3 + [1200] * 3 + [1800]


def test_other_numbers_and_other_projects_are_not_concerned(usage: SmsUsage) -> None:
    assert len(usage.admit([sms() for _ in range(4)], THREE_IN_TEN_MINUTES)) == 1
    assert usage.admit([sms("+447700900124"), sms(project=2)], THREE_IN_TEN_MINUTES) == {}


def test_a_delivery_that_is_tried_again_is_not_counted_again(usage: SmsUsage) -> None:
    same = [sms(), sms(), sms()]
    for _ in range(3):
        assert usage.admit(same, THREE_IN_TEN_MINUTES) == {}
    assert len(usage.admit([sms()], THREE_IN_TEN_MINUTES)) == 1


def test_what_was_refused_is_not_counted(usage: SmsUsage, age: Any) -> None:
    for _ in range(5):
        usage.admit([sms(), sms()], THREE_IN_TEN_MINUTES)
    age(600)
    assert len(usage.admit([sms() for _ in range(5)], THREE_IN_TEN_MINUTES)) == 2


def test_a_block_is_watched_apart_from_its_numbers(usage: SmsUsage) -> None:
    limits = Limits(number=Rate(3, 600), block=Rate(10, 600))
    burst = [sms(f"+44770090{n:04d}", block="+44770090") for n in range(12)]
    refused = usage.admit(burst, limits)
    assert [excess.limit for excess in refused.values()] == [Limit.BLOCK, Limit.BLOCK]
    assert usage.admit([sms("+447700910000", block="+44770091")], limits) == {}


def test_what_has_no_block_fills_none(usage: SmsUsage) -> None:
    limits = Limits(block=Rate(1, 600))
    assert usage.admit([sms(block=None) for _ in range(5)], limits) == {}
    assert usage.admit([sms(block="+44770090")], limits) == {}
    assert len(usage.admit([sms(block="+44770090"), sms(block=None)], limits)) == 1


def test_a_days_money_is_not_overspent(usage: SmsUsage, database: Database) -> None:
    limits = Limits(spend=Decimal("0.25"))
    refused = usage.admit([sms(cost=Decimal("0.1")) for _ in range(3)], limits)
    [excess] = refused.values()
    assert excess.limit is Limit.SPEND
    assert 0 < excess.seconds <= 86_400
    assert usage.admit([sms(cost=Decimal("0.05"))], limits) == {}, "what fits into the rest is let through"
    assert usage.admit([sms(cost=Decimal("0.1"), project=2)], limits) == {}
    database.execute(YESTERDAY)
    assert usage.admit([sms(cost=Decimal("0.25"))], limits) == {}


def test_nobody_gets_past_a_limit_by_asking_at_once(usage: SmsUsage) -> None:
    limits = Limits(number=Rate(7, 600), spend=Decimal(100))

    def ask(_: int) -> int:
        batch = [sms(cost=Decimal(1)), sms(project=2, cost=Decimal(1))]
        return len(batch) - len(usage.admit(batch, limits))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(40))) == 14


def test_without_limits_nothing_is_written(usage: SmsUsage, database: Database) -> None:
    assert usage.admit([sms(), sms()], Limits()) == {}
    assert usage.admit([], THREE_IN_TEN_MINUTES) == {}
    assert database.rows(text("SELECT FROM sms_usage")) == []


def test_of_several_limits_the_one_that_lasts_longest_is_told(usage: SmsUsage) -> None:
    limits = Limits(number=Rate(1, 60), block=Rate(1, 600))
    usage.admit([sms(block="+44770090")], limits)
    [excess] = usage.admit([sms(block="+44770090")], limits).values()
    assert excess.limit is Limit.BLOCK
