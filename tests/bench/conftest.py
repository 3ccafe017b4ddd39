"""The bench's own servers, for runs too small to measure anything; and outcomes that nobody measured."""

from collections.abc import Iterator

import pytest

from bench.rounds import Outcome
from bench.run import Ground
from bench.scenario import OURS, at
from bench.scenarios import SCENARIOS
from bench.scenarios.accept_one import LOADS
from bench.scenarios.batch_size import SIZES
from bench.scenarios.critical import LONGEST, PERCENTS


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    with Ground(durable=False, processes=1) as started:
        yield started


@pytest.fixture(scope="session")
def outcomes() -> list[Outcome]:
    """A run of every side of every scenario, in which ours was ten times as good."""
    points = {
        "batch-size": [at("rate", size) for size in SIZES],
        "accept-one": [at(key, load) for key in ("p50", "p99", "rate") for load in LOADS],
        **{f"critical-{name}": [at("ms", p) for p in (*PERCENTS, LONGEST)] for name in ("instant", "100-ms", "2-s")},
    }
    made = []
    for scenario in SCENARIOS:
        better = {figure.key: figure.more_is_better for figure in scenario.figures}
        for side in scenario.sides:
            good, bad = (1000.0, 100.0) if side.startswith(OURS) else (100.0, 1000.0)
            keys = [*better, *points.get(scenario.name, ())]
            figures = {key: good if better.get(key, False) else bad for key in keys}
            made.append(Outcome(scenario.name, side, 1, 0.5, 3.0, figures))
    return made
