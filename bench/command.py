"""The command: `python -m bench`."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from bench.machine import describe
from bench.report import summarise, table, write
from bench.rounds import Outcome, run_rounds
from bench.run import Ground
from bench.scenario import Scale
from bench.scenarios import SCENARIOS

RESULTS = Path(__file__).parent / "results"
_NAMES = [scenario.name for scenario in SCENARIOS]


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="How often each side runs.")
@click.option("--quick", is_flag=True, help="A look: one round with less work, within two minutes.")
@click.option("--only", multiple=True, type=click.Choice(_NAMES), help="This scenario (may be given again).")
@click.option("--minutes", type=float, help="After which no scenario is begun.  [default: 14; quick: 1.5]")
def main(rounds: int, quick: bool, only: tuple[str, ...], minutes: float | None) -> None:
    """Measure Crier and Celery doing the same work on this machine, interleaved, on private servers.

    A run that loses or doubles a message has failed: it is reported, counts for nothing, and makes the exit code 1.
    """
    console = Console(width=None if sys.stdout.isatty() else 150)
    rounds, minutes = (1, minutes or 1.5) if quick else (rounds, minutes or 14.0)
    chosen = [scenario for scenario in SCENARIOS if not only or scenario.name in only]
    began = datetime.now(UTC)

    def tell(outcome: Outcome) -> None:
        said = ", ".join(f"{key} {value:,.4g}" for key, value in outcome.figures.items())
        where = f"round {outcome.round}  {outcome.scenario:18} {outcome.side:30}"
        console.print(f"{where} {said or '[red]FAILED[/] ' + str(outcome.failure)}", highlight=False, soft_wrap=True)

    with Ground() as ground:
        machine = describe(ground.versions()) | {"began": began.isoformat(), "load_at_begin": os.getloadavg()}
        outcomes = run_rounds(
            ground, chosen, Scale.QUICK if quick else Scale.FULL, rounds=rounds, seconds=minutes * 60, tell=tell
        )
    machine["load_at_end"] = os.getloadavg()
    lines = summarise(chosen, outcomes)
    path = RESULTS / f"{began:%Y-%m-%dT%H%M%SZ}.json"
    write(path, machine, lines, outcomes)
    console.print(table(lines))
    console.print(f"{machine['processor']}, {machine['cores']} cores; everything was written to {path}")
    _say_what_is_wrong(console, machine, outcomes, expected=len(chosen) * rounds)


def _say_what_is_wrong(console: Console, machine: dict[str, object], outcomes: list[Outcome], expected: int) -> None:
    busy = os.cpu_count() or 1
    load = machine["load_at_begin"]
    assert isinstance(load, tuple)
    if load[0] > busy / 4:
        console.print(f"[yellow]The machine was busy when this began (load {load[0]:.1f}): the figures are noisy.[/]")
    if len({(outcome.scenario, outcome.round) for outcome in outcomes}) < expected:
        console.print("[yellow]The time was up before every round was made: --minutes gives more.[/]")
    failed = [outcome for outcome in outcomes if outcome.failure]
    if failed:
        raise SystemExit(f"{len(failed)} of {len(outcomes)} runs failed: messages were lost, doubled or late.")
