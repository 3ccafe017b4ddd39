"""The simulation: its clock, the arithmetic of sizes, measured points met, and bad input that is named."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from bench.simulate import COSTS
from bench.simulation.clock import SLICE, Clock, Cores, Interpreter, Log
from bench.simulation.costs import BadInput, Linear, load
from bench.simulation.path import Simulation, Site
from bench.simulation.predictions import predictions
from bench.simulation.sheets import Plan, sheets, write
from bench.simulation.sizes import BILLION, Fleet, Size, Use, effective

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "measured.json"
TOLERANCE = 0.3
"""How far the rates that targets are about may be from the measured ones."""
FACTOR = 2.5
"""How many times too high or too low anything may be: tails, and short measurements, have causes not simulated."""
TARGETS = ("drain, provider at once", "drain, provider after 100 ms", "accept one, 64 connections")


@pytest.fixture(scope="module")
def costs():
    return load(RESULTS, COSTS)


@pytest.fixture(scope="module")
def points(costs):
    return list(predictions(costs))


@pytest.fixture(scope="module")
def made(costs):
    return list(sheets(costs))


def spend(resource, seconds):
    yield resource.use(seconds)


@pytest.mark.parametrize(("cores", "took"), [(1, 4.0), (2, 2.0), (8, 1.0)])
def test_cores_do_no_more_than_they_can(cores, took):
    clock = Clock()
    machine = Cores(clock, cores)
    for _ in range(4):
        clock.start(spend(machine, 1.0))
    clock.run(until=10.0)
    assert (clock.now, machine.used) == (pytest.approx(took, abs=2 * SLICE), pytest.approx(4.0))


def test_an_interpreter_has_one_core_at_most():
    clock = Clock()
    python = Interpreter(Cores(clock, 8))
    for _ in range(3):
        clock.start(spend(python, 0.1))
    clock.run(until=10.0)
    assert clock.now == pytest.approx(0.3)


def test_who_commits_while_the_log_is_flushed_shares_the_next_flush():
    clock = Clock()
    log = Log(clock, 0.002)

    def commit(after):
        yield clock.wait(after)
        yield log.commit()

    for number in range(10):
        clock.start(commit(number * 0.0001))
    clock.run(until=1.0)
    assert (log.flushes, clock.now) == (2, pytest.approx(0.004))


def test_a_line_goes_through_both_points():
    line = Linear.through(alone=10.0, together=2.0, rows=100)
    assert (line.of(1), line.of(100) / 100) == (pytest.approx(10.0), pytest.approx(2.0))


def test_what_is_used_is_the_rate_times_what_one_uses(costs):
    simulation = Simulation(costs, Site(cores=64, workers=2))
    seconds = 4.0
    simulation.add_workers(batch=100)
    simulation.clock.run(seconds)
    each = costs.python.of(100) / 100 + costs.sql.of(100) / 100
    expected = simulation.delivered * each + seconds * costs.beside.relay_cores
    assert simulation.cores.used == pytest.approx(expected, rel=0.1)


def test_no_machine_delivers_more_than_its_cores_allow(costs):
    each = costs.python.of(100) / 100 + costs.sql.of(100) / 100
    for cores in (1, 2, 4):
        assert Simulation(costs, Site(cores, workers=4)).rate_of_drain() <= cores / each * 1.02


@pytest.mark.parametrize("cores", [2, 8, 16])
def test_more_workers_do_not_get_past_postgresql(costs, cores):
    simulation, seconds = Simulation(costs, Site(cores=cores, workers=cores, database_cores=2)), 10.0
    simulation.add_workers(batch=100)
    simulation.clock.run(seconds)
    each = costs.sql.of(100) / 100
    assert simulation.delivered * each <= simulation.database.used <= 2 * seconds
    if cores > 2:
        assert simulation.database.used >= 0.95 * 2 * seconds, "and they do reach its limit"


def test_simulated_points_are_near_the_measured_ones(points):
    found = {point.what: point for point in points}
    assert {what: found[what].off for what in TARGETS if abs(found[what].off) > TOLERANCE} == {}
    ratios = {what: point.predicted / point.measured for what, point in found.items()}
    assert {what: ratio for what, ratio in ratios.items() if not 1 / FACTOR < ratio < FACTOR} == {}


def test_the_same_input_gives_the_same_points(costs, points):
    assert [point.predicted for point in predictions(costs)] == [point.predicted for point in points]


def test_what_saturates_first_is_as_busy_as_it_may_be_and_the_rest_less(costs):
    for size in (Size(costs, 2, app_cores=2), Size(costs, 8), Size(costs, 64, standby=True), Size(costs, 16, shards=4)):
        shown = size.busy(size.rate)
        assert shown[size.limits[0].what] == pytest.approx(costs.assumed.busy)
        assert max(shown.values()) == pytest.approx(costs.assumed.busy)
        assert size.busy(size.rate / 2)[size.limits[0].what] == pytest.approx(costs.assumed.busy / 2)


def test_many_cores_do_less_than_each_for_itself(costs):
    assert effective(1, 0.01) == 1
    assert 32 < effective(64, 0.01) < 64
    assert effective(64, 0.0) == 64
    assert Size(costs, 64).rate <= 8 * Size(costs, 8).rate


def test_shards_carry_their_sum(costs):
    assert Size(costs, 16, shards=3).rate == pytest.approx(3 * Size(costs, 16).rate)


def test_a_plan_carries_its_day_and_no_smaller_one_does(costs):
    plan = Plan.of(costs, BILLION)
    assert plan.size.rate >= plan.peak == pytest.approx(57_870, rel=0.001)
    assert plan.size.shards == 1 or Size(costs, 32, shards=plan.size.shards - 1, standby=True).rate < plan.peak


def test_calls_open_at_once_are_the_rate_times_the_latency(costs):
    fleet = Fleet(costs, rate=1000.0, latency=2.0, concurrency=50)
    assert fleet.workers_by_calls == 40


def test_accepting_in_bulk_costs_less(costs):
    bulk, one = Use.of(costs, bulk=1.0), Use.of(costs, bulk=0.0)
    assert bulk.gateway < one.gateway and bulk.database < one.database
    assert Use.of(costs, bulk=0.5).gateway == pytest.approx((bulk.gateway + one.gateway) / 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("flush_ms = ", "flush_msec = "), "measured.flush_msec: there is no such field"),
        ((r"flush_ms = .*\n", ""), "measured.flush_ms: missing"),
        ((r"busy = [\d.]+", 'busy = "much"'), "assumed.busy: a number, 0 or more, is wanted, not 'much'"),
        ((r"busy = [\d.]+", "busy = -1"), "assumed.busy: a number, 0 or more, is wanted, not -1"),
        ((r"busy = [\d.]+", "busy = 0"), "assumed.busy: more than 0 is wanted"),
        ((r"\[assumed\]", "[assumed"), "costs.toml"),
    ],
)
def test_a_wrong_cost_is_named(tmp_path, change, said):
    path = tmp_path / "costs.toml"
    path.write_text(re.sub(*change, COSTS.read_text(), count=1))
    with pytest.raises(BadInput, match=re.escape(said)):
        load(RESULTS, path)


def without(scenario):
    found = orjson.loads(RESULTS.read_bytes())
    return found | {"runs": [run for run in found["runs"] if run["scenario"] != scenario]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "not a result of the bench"),
        (b"[]", "not a result of the bench"),
        (b'{"machine": {}}', "not a result of the bench (KeyError: 'runs')"),
        (
            orjson.dumps(without("drain-100-ms")),
            "drain-100-ms.cpu: not measured; `python -m bench --only drain-100-ms`",
        ),
        (orjson.dumps(without("batch-size")), "batch-size.cpu@1: not measured"),
    ],
)
def test_a_wrong_result_is_named(tmp_path, content, said):
    path = tmp_path / "results.json"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=re.escape(said)):
        load(path, COSTS)


def test_a_failed_run_counts_for_nothing(tmp_path, costs):
    found = orjson.loads(RESULTS.read_bytes())
    [run] = [run for run in found["runs"] if run["scenario"] == "drain-instant"]
    found["runs"].append(run | {"figures": {"rate": 1e9, "cpu": 1e-9, "cpu_all": 2e-9}, "failure": "one was lost"})
    path = tmp_path / "results.json"
    path.write_bytes(orjson.dumps(found))
    assert load(path, COSTS) == costs


def test_the_page_has_a_place_for_each_table(tmp_path, made):
    page = tmp_path / "scaling.md"
    page.write_text((ROOT / "docs" / "scaling.md").read_text())
    assert write(page, made) == []
    assert all(sheet.markdown() in page.read_text() for sheet in made)
    assert all(len(row) == len(sheet.columns) for sheet in made for row in sheet.rows)
    once = page.read_text()
    write(page, made)
    assert page.read_text() == once


def test_a_cheaper_statement_and_dearer_prices_are_seen(costs):
    cheaper = replace(costs, sql=Linear(costs.sql.fixed / 2, costs.sql.each / 2))
    assert Size(cheaper, 8).rate > Size(costs, 8).rate
    dearer = replace(costs, assumed=replace(costs.assumed, month_core=costs.assumed.month_core * 2))
    assert Plan.of(dearer, BILLION).price > Plan.of(costs, BILLION).price


def test_the_command_shows_every_table_and_says_what_is_wrong():
    def run(*arguments):
        command = [sys.executable, "-m", "bench.simulate", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    shown = run("--results", str(RESULTS))
    assert shown.returncode == 0, shown.stderr
    assert "drain, provider at once" in shown.stdout and "1,000 million" in shown.stdout
    assert "python -m bench.simulate --write docs/scaling.md" in run("--help").stdout
    wrong = run("--results", str(COSTS))
    assert wrong.returncode == 1 and "not a result of the bench" in wrong.stderr
