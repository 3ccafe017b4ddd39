"""A signal that asks a command to end is not lost."""

import signal
from contextlib import suppress

import pytest

from crier.cli.interrupts import interrupted_by_every_signal
from crier.local.cluster import silently


class Finalised:
    """Python passes over what is raised here."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_is_an_interrupt(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), interrupted_by_every_signal():
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_was_passed_over_ends_the_step_it_came_in() -> None:
    went_on = False
    with interrupted_by_every_signal() as interrupts:
        step = interrupts.between(silently)
        with suppress(KeyboardInterrupt), step("A step"):
            Finalised()
            went_on = True
        with pytest.raises(KeyboardInterrupt), step("Another"):
            pass
    assert went_on


def test_without_one_steps_end_well() -> None:
    with interrupted_by_every_signal() as interrupts, interrupts.between(silently)("A step"):
        pass
