"""While the ledger is away most callers are refused at once, and a few look whether it is back."""

from services.gateway.availability import FAILURES, PROBE_EVERY, Availability
from shared.errors import LedgerUnavailable


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_single_slow_answer_refuses_nobody() -> None:
    availability = Availability(Clock())
    for _ in range(FAILURES - 1):
        availability.lost()
    assert availability.admit()
    availability.found()
    availability.lost()
    assert availability.admit(), "failures count only in a row"


def test_what_several_were_told_together_is_one_failure() -> None:
    availability = Availability(Clock())
    slow = LedgerUnavailable("slow")
    for _ in range(FAILURES):
        availability.lost(slow)
    assert availability.admit()


def test_while_it_is_away_one_at_a_time_may_look() -> None:
    clock = Clock()
    availability = Availability(clock)
    for _ in range(FAILURES):
        availability.lost()
    assert not availability.admit()
    clock.now += PROBE_EVERY
    assert [availability.admit() for _ in range(3)] == [True, False, False]
    availability.lost()
    assert not availability.admit()


def test_once_it_answers_everybody_is_let_in() -> None:
    clock = Clock()
    availability = Availability(clock)
    for _ in range(FAILURES):
        availability.lost()
    clock.now += PROBE_EVERY
    assert availability.admit()
    availability.found()
    assert [availability.admit() for _ in range(3)] == [True] * 3
