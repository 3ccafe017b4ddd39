"""Threads that ask at the same moment are answered together, each for his own."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from shared.errors import LedgerUnavailable
from shared.ledger.together import Together


class Work:
    """Answers ten times the number; stops at the first call until it may go on."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.began, self.go_on = Event(), Event()
        self.away = False

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.calls.append(list(items))
        self.began.set()
        self.go_on.wait(10)
        if self.away:
            raise LedgerUnavailable("gone")
        if 13 in items:
            raise ValueError("thirteen")
        return [item * 10 for item in items]


def run(work: Work, together: Together[int, int], items: Sequence[int]) -> list[object]:
    """The first begins alone; the others arrive while it is at work. Answers, or what was raised."""
    with ThreadPoolExecutor(len(items)) as threads:
        answers = [threads.submit(together.do, items[0])]
        assert work.began.wait(10)
        for place, item in enumerate(items[1:], start=1):
            answers.append(threads.submit(together.do, item))
            while len(together._line) < place:
                pass
        work.go_on.set()
        return [answer.exception(10) or answer.result() for answer in answers]


def test_who_comes_alone_is_served_alone_and_the_rest_together() -> None:
    work = Work()
    assert run(work, Together(work, most=100), [1, 2, 3, 4]) == [10, 20, 30, 40]
    assert work.calls == [[1], [2, 3, 4]]


def test_no_more_at_once_than_most() -> None:
    work = Work()
    assert run(work, Together(work, most=2), [1, 2, 3, 4, 5, 6]) == [10, 20, 30, 40, 50, 60]
    assert work.calls == [[1], [2, 3], [4, 5], [6]]


def test_what_the_work_raises_everybody_in_it_is_told_and_nobody_else() -> None:
    work = Work()
    first, *others = run(work, Together(work, most=2), [1, 2, 13, 4])
    assert first == 10
    assert [str(error) for error in others[:2]] == ["thirteen", "thirteen"]
    assert others[2] == 40


def test_it_goes_on_after_an_error() -> None:
    work = Work()
    work.go_on.set()
    together = Together(work, most=2)
    with pytest.raises(ValueError, match="thirteen"):
        together.do(13)
    assert together.do(1) == 10


def test_many_threads_get_their_own_answers() -> None:
    work = Work()
    work.go_on.set()
    together = Together(work, most=7)
    with ThreadPoolExecutor(16) as threads:
        items = [number for number in range(2000) if number != 13]
        assert list(threads.map(together.do, items)) == [item * 10 for item in items]
    assert sum(map(len, work.calls)) == len(items)


def test_when_the_ledger_is_away_whoever_waits_is_told_too() -> None:
    work = Work()
    work.away = True
    outcomes = run(work, Together(work, most=2), [1, 2, 3, 4, 5])
    assert all(isinstance(outcome, LedgerUnavailable) for outcome in outcomes)
    assert len(work.calls) == 1
