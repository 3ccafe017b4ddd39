"""Each scenario, with a few dozen messages: the work is done exactly once, and every figure is measured."""

import pytest

from bench.rounds import run_once
from bench.scenario import OURS, TARGETS, Scale
from bench.scenarios import SCENARIOS
from bench.scenarios.critical import PACKED

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
# Ours in all but those that differ in a number only; and the peers where they are started in their own way.
RUNS = (
    *((name, OURS) for name in BY_NAME if name not in ("critical-instant", "critical-2-s", "accept-bulk-email")),
    ("critical-instant", PACKED),
    ("accept-one", "Flask + INSERT + delay()"),
    ("drain-instant", "Celery prefork -c 8"),
    ("drain-instant", "RQ 4 × simple"),
    ("drain-instant", "Dramatiq 2 × 8 threads"),
    ("drain-100-ms", "Celery gevent -c 200"),
    ("critical-instant", "Celery, an urgent worker and threads -c 64"),
    ("broker-memory", "Celery"),
)


@pytest.mark.parametrize(("name", "side"), RUNS)
def test_a_side_does_its_work_exactly_once_and_every_figure_is_measured(name, side, ground):
    scenario = BY_NAME[name]
    outcome = run_once(ground, scenario, side, Scale.TINY)
    assert outcome.failure is None
    wanted = {figure.key for figure in scenario.figures if figure.side == side or side not in (OURS, PACKED)}
    # Of what is drawn against size, a run this small has the ends only.
    assert {key for key in wanted if name != "batch-size"} <= outcome.figures.keys()
    assert all(value >= 0 for value in outcome.figures.values())


def test_every_target_is_decided_by_something():
    assert {figure.id for scenario in SCENARIOS for figure in scenario.figures if figure.id} == set(TARGETS)


def test_what_decides_has_a_target_and_a_side_that_runs():
    for scenario in SCENARIOS:
        assert OURS in scenario.sides
        assert set(scenario.quick) <= set(scenario.sides)
        for figure in scenario.figures:
            assert bool(figure.id) == bool(figure.target())
            assert figure.side in scenario.sides


def test_a_quick_look_has_the_targets_it_says():
    small = [scenario for scenario in SCENARIOS if scenario.quick]
    assert {figure.id for one in small for figure in one.figures if figure.id} == {"P1", "P2", "P4", "P6"}
    assert all(set(scenario.in_small().sides) == set(scenario.quick) for scenario in small)
