"""Each scenario, with a few dozen messages: both sides do the work exactly once, and every figure is reported."""

import orjson
import pytest
from rich.console import Console

from bench.machine import describe
from bench.report import summarise, table, write
from bench.rounds import run_once
from bench.scenario import OURS, Scale
from bench.scenarios import SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_both_sides_do_the_same_work_and_are_compared(scenario, ground, tmp_path):
    peer = list(scenario.sides)[-1]
    outcomes = [run_once(ground, scenario, side, Scale.TINY) for side in (OURS, peer)]
    assert [outcome.failure for outcome in outcomes] == [None, None]
    lines = summarise([scenario], outcomes)
    assert [line.figure for line in lines] == [figure.label for figure in scenario.figures]
    assert all(line.ours and line.peer and line.ratio and line.best == peer and line.runs == 1 for line in lines)

    console = Console(width=200, record=True)
    console.print(table(lines))
    assert scenario.what in console.export_text()
    write(tmp_path / "results" / "run.json", describe(ground.versions()), lines, outcomes)
    written = orjson.loads((tmp_path / "results" / "run.json").read_bytes())
    assert written["runs"][1]["side"] == peer
    assert written["summary"][0]["ours"]["median"] == outcomes[0].figures[scenario.figures[0].key]
    assert written["machine"]["cores"] > 0
    assert {"PostgreSQL", "Redis", "celery", "dramatiq"} <= written["machine"]["versions"].keys()
