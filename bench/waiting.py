"""A campaign of a million that waits: accepted once per bench, copied for each run that begins with it."""

from functools import partial

from bench.ours.accepting import Accepting
from bench.run import Run
from bench.scenario import Scale

LANE = "bulk"


def campaign(scale: Scale) -> range:
    """The numbers of its phones."""
    return range(scale.pick(1_000_000, 200_000, 400))


def begin_with_campaign(run: Run, scale: Scale) -> range:
    """Have it wait in this run's database; the numbers of its phones."""
    numbers = campaign(scale)
    run.begin_with(f"campaign_{len(numbers)}", partial(_accept, numbers))
    return numbers


def _accept(numbers: range, database_url: str) -> None:
    accepting = Accepting(database_url)
    accepting.accept(numbers, LANE)
    accepting.close()
