"""The report: every target in the table, the same on the page; plots that show what was measured."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import orjson
import pytest
from rich.console import Console

from bench.machine import describe
from bench.pages import write_pages
from bench.plots import draw, plots
from bench.report import by_target, read, read_all, summarise, write
from bench.scenario import TARGETS
from bench.scenarios import SCENARIOS
from bench.scenarios.batch_size import SIZES
from bench.tables import page, tables


@pytest.fixture(scope="module")
def machine():
    described = describe({"PostgreSQL": "18", "Redis": "7"})
    return described | {"began": "2026-11-22T15:45:00+00:00", "minutes": 18.5, "our_worker_processes": 2}


@pytest.fixture(scope="module")
def lines(outcomes):
    return summarise(SCENARIOS, outcomes)


def shown(lines, *, every):
    console = Console(width=220, record=True)
    for one in tables(lines, every=every):
        console.print(one)
    return console.export_text()


def test_each_target_has_its_lines(lines):
    assert all(by_target(lines).values())
    [rate] = by_target(lines)["P1"]
    assert (rate.ours.median, rate.peer.median, rate.ratio.median, rate.target, rate.met) == (
        1000,
        100,
        10,
        "≥ 20×",
        False,
    )
    _, cpu = by_target(lines)["P2"]
    assert (cpu.target, cpu.met) == ("≤ 1/6", True)
    assert {line.side for line in by_target(lines)["P6"]} == {"crier", "crier packed"}


def test_a_target_that_was_not_measured_is_named(lines):
    found = shown([line for line in lines if line.id != "P8"], every=True)
    assert all(re.search(rf"\b{target}\b", found) for target in TARGETS)
    assert "not measured" in found
    assert "not measured" not in shown(lines, every=True)
    assert "P8" not in shown([line for line in lines if line.id != "P8"], every=False)


def test_the_page_has_the_same_and_every_way_that_was_tried(outcomes, lines):
    text = "\n".join(page(lines, SCENARIOS, outcomes))
    assert all(f"| {target} |" in text for target in TARGETS)
    assert all(side in text for scenario in SCENARIOS for side in scenario.sides)
    columns = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert columns == {6, 10}, "every row has the cells of its table"


def test_what_is_written_can_be_read_again(outcomes, lines, machine, tmp_path):
    write(tmp_path / "results" / "run.json", machine, lines, outcomes)
    assert read(tmp_path / "results" / "run.json") == (machine | {"cores": machine["cores"]}, outcomes)
    summary = orjson.loads((tmp_path / "results" / "run.json").read_bytes())["summary"]
    assert {line["id"] for line in summary} == {"", *TARGETS}


def test_what_was_measured_apart_replaces_its_scenarios_and_says_so(outcomes, lines, machine, tmp_path):
    apart = [replace(one, figures={"p50": 1.0}) for one in outcomes if one.scenario == "pick-up"]
    write(tmp_path / "all.json", machine, lines, outcomes)
    write(tmp_path / "apart.json", machine | {"commit": "later"}, [], apart)
    told, found = read_all([tmp_path / "all.json", tmp_path / "apart.json"])
    assert [one for one in found if one.scenario == "pick-up"] == apart
    assert [one for one in found if one.scenario != "pick-up"] == [one for one in outcomes if one.scenario != "pick-up"]
    write_pages(tmp_path / "pages", told, SCENARIOS, summarise(SCENARIOS, found), found)
    assert re.search(
        r"Measured apart from the rest: pick-up\. .*, commit later\.", (tmp_path / "pages/README.md").read_text()
    )
    assert read(tmp_path / "pages/results.json") == (told, found), "it may be replaced again"


def test_one_command_writes_the_page_the_plots_and_the_json_file(outcomes, lines, machine, tmp_path):
    write_pages(tmp_path, machine, SCENARIOS, lines, outcomes)
    names = {path.name for path in tmp_path.iterdir()}
    text = (tmp_path / "README.md").read_text()
    assert machine["processor"] in text and "18.5 minutes" in text
    assert set(re.findall(r"\(([\w-]+\.svg)\)", text)) == {name for name in names if name.endswith(".svg")}
    assert names >= {"README.md", "results.json"} and len(names) == 6


def test_plots_show_what_was_measured(outcomes):
    batches, load, size, critical = plots(outcomes)
    ours, peer = batches.panels[0].series
    assert (list(ours.x), set(ours.y)) == (list(SIZES), {1000})
    assert (peer.dashed, set(peer.y)) == (True, {100})
    assert [[one.label for one in panel.series] for panel in load.panels] == [["Crier", "Flask + INSERT + delay()"]] * 2
    assert [len(panel.series[0].x) for panel in size.panels] == [4, 4]
    assert [len(panel.series) for panel in critical.panels] == [4, 4, 4]


def test_there_is_no_plot_of_what_was_not_measured(outcomes):
    assert [plot.name for plot in plots([one for one in outcomes if one.scenario == "growth"])] == ["cost-by-size"]
    [critical] = plots([one for one in outcomes if one.scenario == "critical-2-s"])
    assert [panel.title for panel in critical.panels] == ["the campaign is answered after 2 s"]


def test_a_plot_is_drawn_the_same_each_time_with_its_text_as_text(outcomes, tmp_path):
    plot = plots(outcomes)[0]
    for name in ("one.svg", "two.svg"):
        draw(plot, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    texts = [element.text for element in ET.parse(tmp_path / "one.svg").iter("{http://www.w3.org/2000/svg}text")]
    assert {"Crier", "messages in a batch", plot.title} <= set(texts)
