"""What came of the rounds: medians, spread and ratios, as a table and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import orjson
from rich.table import Table

from bench.rounds import Outcome
from bench.scenario import OURS, Figure, Scenario


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
        best: the peer's best way, by the scenario's first figure.
        ratio: how many times better ours is, of the rounds in which both were measured.
        met: whether the target is reached; None when there is none.
    """

    scenario: str
    what: str
    figure: str
    ours: Spread | None
    peer: Spread | None
    best: str
    ratio: Spread | None
    target: str
    met: bool | None
    runs: int


def summarise(scenarios: Iterable[Scenario], outcomes: Sequence[Outcome]) -> list[Line]:
    """A line for each figure. Failed runs count for nothing."""
    exact = [outcome for outcome in outcomes if outcome.failure is None]
    return [
        _line(scenario, figure, [one for one in exact if one.scenario == scenario.name])
        for scenario in scenarios
        for figure in scenario.figures
    ]


def _line(scenario: Scenario, figure: Figure, exact: Sequence[Outcome]) -> Line:
    best = _best(scenario, exact)
    ours, peer = (_by_round(exact, side, figure.key) for side in (OURS, best))
    ratio = Spread.of([figure.times_better(ours[number], peer[number]) for number in ours.keys() & peer.keys()])
    mine = Spread.of(list(ours.values()))
    met = figure.met(mine.median, ratio.median if ratio else None) if mine else None
    return Line(
        scenario.name, scenario.what, figure.label, mine, Spread.of(list(peer.values())), best, ratio,
        figure.target(), met, len(ours),
    )  # fmt: skip


def _best(scenario: Scenario, exact: Sequence[Outcome]) -> str:
    first = scenario.figures[0]
    medians = {
        side: median(values)
        for side in scenario.sides
        if side != OURS and (values := list(_by_round(exact, side, first.key).values()))
    }
    choose = max if first.more_is_better else min
    return choose(medians, key=medians.__getitem__) if medians else ""


def _by_round(exact: Sequence[Outcome], side: str, key: str) -> dict[int, float]:
    return {one.round: one.figures[key] for one in exact if one.side == side}


def table(lines: Sequence[Line]) -> Table:
    """For people. Under each median its least and its most, where there was more than one round."""
    made = Table(title="Ours, the peer's best, and how many times better ours is (median, least – most)")
    for name in ("work", "figure", "ours", "peer", "ratio", "target", "the peer's best"):
        made.add_column(name, justify="right" if name in ("ours", "peer", "ratio") else "left")
    shown = ""
    for line in lines:
        if shown not in ("", line.scenario):
            made.add_section()
        mark = {True: " [green]met[/]", False: " [red]missed[/]", None: ""}[line.met]
        made.add_row(
            line.what if shown != line.scenario else "", line.figure, _shown(line.ours), _shown(line.peer),
            _shown(line.ratio, "×"), line.target + mark, line.best if shown != line.scenario else "",
        )  # fmt: skip
        shown = line.scenario
    return made


def _shown(spread: Spread | None, unit: str = "") -> str:
    if spread is None:
        return "–"
    middle = f"{_number(spread.median)}{unit}"
    if spread.least == spread.most:
        return middle
    return f"{middle}\n[dim]{_number(spread.least)} – {_number(spread.most)}[/]"


def _number(value: float) -> str:
    """Three digits that count, no more: these are measurements."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def write(path: Path, machine: dict[str, Any], lines: Sequence[Line], outcomes: Sequence[Outcome]) -> None:
    """Everything, for machines and for later."""
    path.parent.mkdir(exist_ok=True)
    found = {
        "machine": machine,
        "summary": [asdict(line) for line in lines],
        "runs": [asdict(outcome) for outcome in outcomes],
    }
    path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
