"""The report as tables: in the terminal, and as a page of Markdown."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from bench.report import Line, Spread, by_target
from bench.rounds import Outcome
from bench.scenario import OURS, TARGETS, Scenario

_COLUMNS = ("", "what", "figure", "target", "ours", "peer", "ratio", "", "the peer's best way")
_RIGHT = ("ours", "peer", "ratio")
_COLOURS = {"met": "green", "missed": "red", "inexact": "red", "not measured": "dim"}
_SPREAD = "Medians; under them the least and the most, where there was more than one run."


def tables(lines: Sequence[Line], *, every: bool) -> Iterator[RenderableType]:
    """For people at a terminal.

    Parameters:
        every: whether targets that nothing was measured for are shown too.
    """
    targets = _table("Targets, and how many times better than the peer's best ours is. " + _SPREAD, _COLUMNS)
    for key, found in by_target(lines).items():
        if found or every:
            targets.add_section()
        if not found and every:
            targets.add_row(key, TARGETS[key], "", "", "", "", "", _coloured("not measured"), "")
        for row in _rows(key, found):
            *cells, verdict, best = row
            targets.add_row(*cells, _coloured(verdict), best)
    yield targets
    others = _table("Measured beside them", ("what", "figure", "ours", "peer", "ratio"))
    shown = ""
    for line in lines:
        if line.id or not line.ours:
            continue
        if shown not in ("", line.scenario):
            others.add_section()
        others.add_row("" if shown == line.scenario else line.what, _figure(line), *_figures(line))
        shown = line.scenario
    if others.row_count:
        yield others


def page(lines: Sequence[Line], scenarios: Sequence[Scenario], outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The same as Markdown, line by line, with every way that was tried."""
    yield from _markdown("What", *_COLUMNS[2:7], "Met", "The peer's best way", first="")
    for key, found in by_target(lines).items():
        if not found:
            yield _row([key, TARGETS[key], "", "", "", "", "", "not measured", ""])
        for row in _rows(key, found):
            yield _row(row)
    yield from ("", "## Measured beside them", "")
    yield from _markdown("Figure", "Ours", "Peer", "Ratio", first="What")
    for line in lines:
        if line.ours and not line.id:
            yield _row([line.what, _figure(line), *_figures(line)])
    yield from ("", "## Every way that was tried", "", "The first figure of each; runs that were exact.", "")
    yield from _markdown("Side", "Figure", "Median", "Runs", first="What")
    for scenario in scenarios:
        first = scenario.figures[0]
        for side in scenario.sides:
            values = [one.figures[first.key] for one in outcomes if _is_of(one, scenario, side, first.key)]
            if values:
                yield _row([scenario.what, side, first.label, _number(median(values)), str(len(values))])


def _is_of(outcome: Outcome, scenario: Scenario, side: str, key: str) -> bool:
    return outcome.scenario == scenario.name and outcome.side == side and key in outcome.figures


def about(machine: dict[str, Any]) -> list[str]:
    """A line on where and when; and one for each run by itself of some of the scenarios."""
    apart = [
        f"Measured apart from the rest: {', '.join(other['scenarios'])}. {_about(other)}"
        for other in machine.get("again", [])
    ]
    return [_about(machine), *apart]


def _about(machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        f"{machine['processor']}, {machine['usable_cores']} cores, {machine['memory_gb']} GB, {machine['system']}, "
        f"Python {machine['python']}; {versions}. Began {machine['began'][:16]}Z, commit {machine['commit']}."
    )


def _rows(key: str, found: Sequence[Line]) -> Iterator[list[str]]:
    for number, line in enumerate(found):
        verdict = "inexact" if line.failed else {True: "met", False: "missed", None: "–"}[line.met]
        new = number == 0 or found[number - 1].what != line.what
        yield [
            "" if number else key, line.what if new else "", _figure(line), line.target, *_figures(line), verdict,
            line.best if new else "",
        ]  # fmt: skip


def _figure(line: Line) -> str:
    return line.figure + ("" if line.side == OURS else f" ({line.side.removeprefix(OURS).strip()})")


def _figures(line: Line) -> list[str]:
    return [_shown(line.ours), _shown(line.peer), _shown(line.ratio, "×")]


def _shown(spread: Spread | None, unit: str = "") -> str:
    if spread is None:
        return "–"
    middle = f"{_number(spread.median)}{unit}"
    if spread.least == spread.most:
        return middle
    return f"{middle}\n{_number(spread.least)} – {_number(spread.most)}"


def _number(value: float) -> str:
    """Three digits that count, no more: these are measurements."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _table(title: str, columns: Sequence[str]) -> Table:
    made = Table(title=title, title_justify="left")
    for name in columns:
        made.add_column(name, justify="right" if name in _RIGHT else "left")
    return made


def _coloured(verdict: str) -> str:
    colour = _COLOURS.get(verdict)
    return f"[{colour}]{verdict}[/]" if colour else verdict


def _markdown(*columns: str, first: str) -> Iterator[str]:
    yield _row([first, *(column[:1].upper() + column[1:] for column in columns)])
    yield _row(["---"] * (len(columns) + 1))


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("\n", "<br>") for cell in cells) + " |"
