"""The command: `python -m bench`."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench.machine import describe
from bench.pages import write_pages
from bench.report import by_target, read_all, summarise, write
from bench.rounds import Outcome, run_rounds
from bench.run import WORKER_PROCESSES, Ground
from bench.scenario import Scale, Scenario
from bench.scenarios import SCENARIOS
from bench.tables import about, tables

RESULTS = Path(__file__).parent / "results"
_NAMES = [scenario.name for scenario in SCENARIOS]
_EXAMPLES = """
\b
Examples:
  python -m bench                                     everything, within 20 minutes
  python -m bench --quick                             a look, within two minutes
  python -m bench --only growth --only lists          two scenarios
  python -m bench --write docs/benchmarks             the table, the plots and the JSON file go there
  python -m bench --again run.json --write elsewhere  the same from a file, without measuring
"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--rounds", default=2, show_default=True, type=click.IntRange(1), help="How often each side runs, at most."
)
@click.option("--quick", is_flag=True, help="One round of P1, P2, P4 and P6 (or of --only) with less work.")
@click.option("--only", multiple=True, type=click.Choice(_NAMES), help="This scenario (may be given again).")
@click.option("--minutes", type=float, help="After which no scenario is begun.  [default: 19; quick: 1.7]")
@click.option(
    "--processes", default=WORKER_PROCESSES, show_default=True, type=click.IntRange(1), help="Of our workers."
)
@click.option(
    "--write", "folder", type=click.Path(file_okay=False, path_type=Path), help="Write a page and plots there."
)
@click.option(
    "--again", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Report a JSON file. Given again: the scenarios of the later file replace those of the earlier.",
)  # fmt: skip
def main(  # noqa: PLR0917  an option each
    rounds: int, quick: bool, only: tuple[str, ...], minutes: float | None, processes: int, folder: Path | None,
    again: tuple[Path, ...],
) -> None:  # fmt: skip
    """Measure Crier, Celery, RQ and plain Dramatiq at the same work on this machine, interleaved, on private servers.

    A run that loses or doubles a message has failed: it is reported, counts for nothing, and makes the exit code 1.
    """
    console = Console(width=None if sys.stdout.isatty() else 170)
    if again:
        machine, outcomes = read_all(again)
        names = {outcome.scenario for outcome in outcomes}
        chosen = [scenario for scenario in SCENARIOS if scenario.name in names]
        rounds = 0
    else:
        rounds, minutes = (1, minutes or 1.7) if quick else (rounds, minutes or 19.0)
        chosen = _chosen(only, quick)
        machine, outcomes = _measure(console, chosen, rounds, minutes * 60, processes, quick=quick)
    lines = summarise(chosen, outcomes)
    path = again[-1] if again else RESULTS / f"{machine['began'][:19].replace(':', '')}Z.json"
    if not again:
        write(path, machine, lines, outcomes)
    for shown in tables(lines, every=not (only or quick)):
        console.print(shown)
    for one in about(machine):
        console.print(one, highlight=False)
    console.print(f"Everything is in {path}")
    if folder:
        write_pages(folder, machine, chosen, lines, outcomes)
        console.print(f"The page, its plots and the JSON file are in {folder}")
    missed = [key for key, found in by_target(lines).items() if any(line.met is False for line in found)]
    console.print(f"[red]Missed: {', '.join(missed)}[/]" if missed else "[green]Every target measured was met.[/]")
    _say_what_is_wrong(console, machine, outcomes, sum(min(rounds, scenario.rounds or rounds) for scenario in chosen))


def _chosen(only: tuple[str, ...], quick: bool) -> list[Scenario]:
    if only:
        return [scenario for scenario in SCENARIOS if scenario.name in only]
    return [scenario.in_small() for scenario in SCENARIOS if scenario.quick] if quick else list(SCENARIOS)


def _measure(
    console: Console, chosen: list[Scenario], rounds: int, seconds: float, processes: int, *, quick: bool
) -> tuple[dict[str, Any], list[Outcome]]:
    began, load = datetime.now(UTC), os.getloadavg()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress, Ground(processes=processes) as ground:
        task = progress.add_task(
            "Starting", total=sum(len(one.sides) * min(rounds, one.rounds or rounds) for one in chosen)
        )

        def begin(scenario: str, side: str, number: int) -> None:
            progress.update(task, description=f"round {number}: {scenario}, {side}")

        def tell(outcome: Outcome) -> None:
            progress.advance(task)
            said = ", ".join(f"{key} {value:,.4g}" for key, value in list(outcome.figures.items())[:9])
            where = f"round {outcome.round}  {outcome.scenario:18} {outcome.side:42} {outcome.seconds:4.0f} s "
            what = said or "[red]FAILED[/] " + str(outcome.failure)
            progress.console.print(where + what, highlight=False, soft_wrap=True)

        described = describe(ground.versions())
        scale = Scale.QUICK if quick else Scale.FULL
        outcomes = run_rounds(ground, chosen, scale, rounds=rounds, seconds=seconds, tell=tell, begin=begin)
    minutes = (datetime.now(UTC) - began).total_seconds() / 60
    return described | {
        "began": began.isoformat(), "minutes": round(minutes, 1), "scale": scale.name.lower(),
        "our_worker_processes": processes, "load_at_begin": load, "load_at_end": os.getloadavg(),
    }, outcomes  # fmt: skip


def _say_what_is_wrong(console: Console, machine: dict[str, Any], outcomes: list[Outcome], expected: int) -> None:
    if machine["load_at_begin"][0] > (os.cpu_count() or 1) / 4:
        load = machine["load_at_begin"][0]
        console.print(f"[yellow]The machine was busy when this began (load {load:.1f}): the figures are noisy.[/]")
    if len({(outcome.scenario, outcome.round) for outcome in outcomes}) < expected:
        console.print("[yellow]The time was up before every round was made: --minutes gives more.[/]")
    failed = [outcome for outcome in outcomes if outcome.failure]
    if failed:
        raise SystemExit(f"{len(failed)} of {len(outcomes)} runs failed: messages were lost, doubled or late.")
