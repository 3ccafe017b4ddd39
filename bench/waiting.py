"""A campaign of a million that waits: made once per bench, copied for each run that begins with it."""

from functools import partial

import psycopg

from bench.history import wait
from bench.run import Run
from bench.scenario import Scale

PROJECT = "campaign"
"""A project that has no history, so that nobody it writes to is suppressed."""


def campaign(scale: Scale) -> range:
    """The numbers of its phones."""
    return range(scale.pick(1_000_000, 200_000, 400))


def begin_with_campaign(run: Run, scale: Scale) -> range:
    """Have it wait in this run's database; the numbers of its phones."""
    numbers = campaign(scale)
    run.begin_with(f"campaign_{len(numbers)}", partial(_fill, count=len(numbers)))
    return numbers


def _fill(database_url: str, count: int) -> None:
    have_wait(database_url, count)
    with psycopg.connect(database_url, autocommit=True) as connection:
        # As autovacuum does soon after so many rows were added.
        connection.execute("VACUUM (ANALYZE)")


def have_wait(database_url: str, count: int) -> None:
    """Have an upload of so many SMS wait, their text given, to the first `count` phones."""
    wait(database_url, count, project=PROJECT)
