"""What came of the rounds: medians, spread and ratios, for the tables and the JSON file."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from bench.rounds import Outcome
from bench.scenario import TARGETS, Figure, Scenario


@dataclass(frozen=True)
class Spread:
    """The median of what was measured, the least and the most of it."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """None of nothing."""
        return cls(median(values), min(values), max(values)) if values else None


@dataclass(frozen=True)
class Line:
    """One figure of one scenario.

    Parameters:
        id: of the target it decides about, or empty.
        side: which way of ours was measured.
        best: the peer's best way, by the scenario's first figure.
        ratio: how many times better ours is, of the rounds in which both were measured.
        met: whether the target is reached; None when there is none. With a run of ours that failed it is not.
        runs: of ours, that were exact.
        failed: runs of ours that were not.
    """

    id: str
    scenario: str
    what: str
    figure: str
    side: str
    ours: Spread | None
    peer: Spread | None
    best: str
    ratio: Spread | None
    target: str
    met: bool | None
    runs: int
    failed: int


def summarise(scenarios: Iterable[Scenario], outcomes: Sequence[Outcome]) -> list[Line]:
    """A line for each figure. Failed runs count for nothing."""
    return [
        _line(scenario, figure, [one for one in outcomes if one.scenario == scenario.name])
        for scenario in scenarios
        for figure in scenario.figures
    ]


def by_target(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """The lines that decide about each target, none where nothing was measured."""
    return {key: [line for line in lines if line.id == key and (line.runs or line.failed)] for key in TARGETS}


def _line(scenario: Scenario, figure: Figure, outcomes: Sequence[Outcome]) -> Line:
    exact = [outcome for outcome in outcomes if outcome.failure is None]
    failed = sum(1 for outcome in outcomes if outcome.failure and outcome.side == figure.side)
    best = _best_way(scenario, figure, exact)
    ours, peer = (_by_round(exact, side, figure.key) for side in (figure.side, best))
    ratio = Spread.of([figure.times_better(ours[number], peer[number]) for number in ours.keys() & peer.keys()])
    mine = Spread.of(list(ours.values()))
    met = figure.met(mine.median, ratio.median if ratio else None) if mine else None
    return Line(
        figure.id, scenario.name, scenario.what, figure.label, figure.side, mine, Spread.of(list(peer.values())), best,
        ratio, figure.target(), False if failed and figure.target() else met, len(ours), failed,
    )  # fmt: skip


def _best_way(scenario: Scenario, figure: Figure, exact: Sequence[Outcome]) -> str:
    """That of the peers it is compared with, by the scenario's first figure; empty when there is none."""
    first = scenario.figures[0]
    medians = {
        side: median(values)
        for side in scenario.sides
        if figure.is_against(side) and (values := list(_by_round(exact, side, first.key).values()))
    }
    choose = max if first.more_is_better else min
    return choose(medians, key=medians.__getitem__) if medians else ""


def _by_round(exact: Sequence[Outcome], side: str, key: str) -> dict[int, float]:
    return {one.round: one.figures[key] for one in exact if one.side == side and key in one.figures}


def write(path: Path, machine: dict[str, Any], lines: Sequence[Line], outcomes: Sequence[Outcome]) -> None:
    """Everything, for machines and for later."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {
        "machine": machine,
        "summary": [asdict(line) for line in lines],
        "runs": [asdict(outcome) for outcome in outcomes],
    }
    path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")


def read_all(paths: Sequence[Path]) -> tuple[dict[str, Any], list[Outcome]]:
    """The same of several files: the scenarios of a later one replace those of an earlier one.

    The machine is that of the first; `again` in it lists the others, each with its scenarios.
    """
    machine, outcomes = read(paths[0])
    for path in paths[1:]:
        other, found = read(path)
        names = {outcome.scenario for outcome in found}
        outcomes = [outcome for outcome in outcomes if outcome.scenario not in names] + found
        machine["again"] = [*machine.get("again", []), other | {"scenarios": sorted(names)}]
    return machine, outcomes


def read(path: Path) -> tuple[dict[str, Any], list[Outcome]]:
    """The machine and the runs of a file that was written before."""
    found = orjson.loads(path.read_bytes())
    return found["machine"], [Outcome(**run) for run in found["runs"]]
