"""The plots: what is shown, taken from the outcomes, and how it is drawn.

The same outcomes give the same files. Colours and a transparent ground are chosen to be read on white and on black
pages, and text stays text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from bench.rounds import Outcome
from bench.scenario import OURS, at
from bench.scenarios.accept_one import LOADS, PEER
from bench.scenarios.batch_size import SIZES
from bench.scenarios.critical import LONGEST, PACKED, PERCENTS
from bench.scenarios.growth import POINTS

_INK = "#7d8590"
_OURS, _ALSO_OURS, _PEER, _ALSO_PEER = "#2f81f7", "#1fa37a", "#d9730d", "#c2509b"
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "crier", "font.family": "sans-serif", "font.size": 11,
    "text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": _INK, "xtick.color": _INK, "ytick.color": _INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": _INK, "grid.alpha": 0.25,
    "legend.frameon": False,
}  # fmt: skip


@dataclass(frozen=True)
class Series:
    """One line; `x` in the units of its panel's axis, or names."""

    label: str
    colour: str
    x: Sequence[float | str]
    y: Sequence[float]
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Parameters:
        x_log, y_log: the axis is logarithmic.
    """

    title: str
    x: str
    y: str
    series: Sequence[Series]
    x_log: bool = False
    y_log: bool = False


@dataclass(frozen=True)
class Plot:
    """One file.

    Parameters:
        one_scale: the panels are compared with each other.
    """

    name: str
    title: str
    panels: Sequence[Panel]
    one_scale: bool = True


def plots(outcomes: Sequence[Outcome]) -> list[Plot]:
    """Those for which there is something to show, in the panels where there is."""
    medians = _medians(outcomes)
    made = (_by_batch_size(medians), _by_load(medians), _by_size(medians), _critical(medians))
    shown = [replace(plot, panels=[panel for panel in plot.panels if panel.series]) for plot in made]
    return [plot for plot in shown if plot.panels]


Medians = Mapping[tuple[str, str], Mapping[str, float]]
"""By scenario and side: each figure's median."""


def _medians(outcomes: Sequence[Outcome]) -> Medians:
    exact: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.failure is None:
            exact.setdefault((outcome.scenario, outcome.side), []).append(outcome)
    return {
        key: {name: median(run.figures[name] for run in runs if name in run.figures) for name in runs[0].figures}
        for key, runs in exact.items()
    }


def _series(
    figures: Mapping[str, float] | None, key: str, points: Sequence[float | str], label: str, colour: str
) -> list[Series]:
    found = [(x, figures[at(key, x)]) for x in points if figures and at(key, x) in figures]
    return [Series(label, colour, [x for x, _ in found], [y for _, y in found])] if found else []


def _by_batch_size(medians: Medians) -> Plot:
    series = _series(medians.get(("batch-size", OURS)), "rate", SIZES, "Crier", _OURS)
    peers = {
        side: found["rate"]
        for (name, side), found in medians.items()
        if name == "drain-instant" and side.startswith("Celery")
    }
    if peers and series:
        best = max(peers, key=peers.__getitem__)
        series.append(Series(best, _PEER, [SIZES[0], SIZES[-1]], [peers[best]] * 2, dashed=True))
    panel = Panel("", "messages in a batch", "messages/s", series, x_log=True, y_log=True)
    return Plot("throughput-by-batch-size", "Throughput by size of batch, provider in process", [panel])


def _by_load(medians: Medians) -> Plot:
    def panel(key: str, title: str) -> Panel:
        series = [
            *_series(medians.get(("accept-one", OURS)), key, LOADS, "Crier", _OURS),
            *_series(medians.get(("accept-one", PEER)), key, LOADS, PEER, _PEER),
        ]
        return Panel(title, "connections", "ms", series, x_log=True, y_log=True)

    panels = [panel("p50", "half of the answers within"), panel("p99", "99 of 100 within")]
    return Plot("latency-by-load", "Accepting one message a call: time to the answer, by connections", panels)


def _by_size(medians: Medians) -> Plot:
    figures = medians.get(("growth", OURS))
    cost = _series(figures, "cpu_all", POINTS, "Crier", _OURS)
    rate = _series(figures, "rate", POINTS, "Crier", _OURS)
    panels = [
        Panel("CPU of workers, PostgreSQL and Redis", "messages", "seconds per 1,000", cost),
        Panel("rate", "messages", "messages/s", rate),
    ]
    return Plot("cost-by-size", "What a message costs as work grows", panels, one_scale=False)


def _critical(medians: Medians) -> Plot:
    panels = []
    for name, answers in (("instant", "at once"), ("100-ms", "after 100 ms"), ("2-s", "after 2 s")):
        sides = [side for scenario, side in medians if scenario == f"critical-{name}"]
        colours = {OURS: _OURS, PACKED: _ALSO_OURS}
        others = iter((_PEER, _ALSO_PEER))
        series: list[Series] = []
        for side in sides:
            colour = colours.get(side) or next(others, _INK)
            figures = medians[f"critical-{name}", side]
            label = {OURS: "Crier", PACKED: "Crier, packed"}.get(side, side)
            series += _series(figures, "ms", (*PERCENTS, LONGEST), label, colour)
        panels.append(
            Panel(f"the campaign is answered {answers}", "% of critical messages", "ms, at most", series, y_log=True)
        )
    return Plot("critical-during-campaign", "A critical message behind a campaign: accepted to provider called", panels)


def draw(plot: Plot, path: Path) -> None:
    """Write it as SVG."""
    # It takes most of a second to load, and only those who want plots wait for it.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(5.2 * len(plot.panels), 4.6), layout="constrained")
        figure.suptitle(plot.title, fontsize=13)
        grid = figure.subplots(1, len(plot.panels), squeeze=False, sharey=plot.one_scale)
        for axes, panel in zip(grid[0], plot.panels, strict=True):
            _draw_panel(axes, panel)
        labelled = {
            label: line for axes in figure.axes for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(labelled.values(), labelled.keys(), loc="outside lower center", ncols=2)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


def _draw_panel(axes: Any, panel: Panel) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for series in panel.series:
        style = {"linestyle": "--"} if series.dashed else {"marker": "o", "markersize": 4}
        axes.plot(series.x, series.y, label=series.label, color=series.colour, **style)
    axes.set(title=panel.title, xlabel=panel.x, ylabel=panel.y)
    axes.title.set_fontsize(11)
    plain = FuncFormatter(lambda value, _: f"{value:,g}")
    if panel.x_log:
        axes.set_xscale("log")
        axes.set_xticks(sorted({x for series in panel.series for x in series.x}))
        axes.xaxis.set_major_formatter(plain)
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.minorticks_off()
    if panel.y_log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(0, 1.1 * max(max(series.y) for series in panel.series))
    axes.yaxis.set_major_formatter(plain)
