"""The committed result: a page of tables, plots beside it, and the JSON file, all written by one command."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.plots import draw, plots
from bench.report import Line, write
from bench.rounds import Outcome
from bench.scenario import Scenario
from bench.tables import about, page

_INTRODUCTION = """\
# Benchmarks

Written by `make bench ARGS="--write docs/benchmarks"`; not edited by hand. Crier and its peers do the same work on
the same machine in one run, interleaved, with PostgreSQL, Redis, workers, provider and load all on it. A run in which
a message was lost or doubled fails and counts for nothing. What each target means and how it is measured is said at
the top of each module of [bench/scenarios](../../bench/scenarios). The peer is the best of the ways that were tried,
all listed below. Each cell is a median; under it the least and the most, where there was more than one run. Why a
target is missed, and what would reach it, is in [what was made faster](../decisions/speed.md#what-is-missed).
"""


def write_pages(
    folder: Path, machine: dict[str, Any], scenarios: Sequence[Scenario], lines: Sequence[Line],
    outcomes: Sequence[Outcome],
) -> None:  # fmt: skip
    """Write README.md, results.json and the plots into `folder`."""
    write(folder / "results.json", machine, lines, outcomes)
    drawn = plots(outcomes)
    for plot in drawn:
        draw(plot, folder / f"{plot.name}.svg")
    images = [f"![{plot.title}]({plot.name}.svg)" for plot in drawn]
    text = "\n".join(_text(machine, [*page(lines, scenarios, outcomes)], images, outcomes))
    (folder / "README.md").write_text(text + "\n")


def _text(
    machine: dict[str, Any], table: Sequence[str], images: Sequence[str], outcomes: Sequence[Outcome]
) -> Iterator[str]:
    yield _INTRODUCTION
    for one in about(machine):
        yield one
        yield ""
    yield f"{machine['minutes']} minutes; our workers: {machine['our_worker_processes']} processes."
    yield ""
    failed = sum(1 for outcome in outcomes if outcome.failure)
    yield f"{len(outcomes)} runs, {failed or 'none'} of them inexact."
    yield from ("", "## Targets", "", *table, "", "## Plots")
    for image in images:
        yield from ("", image)
