"""The command: `python -m chaos`."""

import os
import random
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench.machine import describe
from chaos.brokers import BROKERS
from chaos.matrix import run_rows
from chaos.report import markdown, ordered, table, write_json, write_markdown
from chaos.row import PRODUCTION, SHORT, Row
from chaos.rows import ROWS
from chaos.seen import Outcome

_PACKAGES = ("dramatiq", "pika", "psycopg", "redis", "sqlalchemy", "gunicorn", "aiohttp")


@click.command(
    epilog="""\b
Examples:
  python -m chaos                              the whole matrix on both brokers
  python -m chaos --rows 2,3 --broker redis    two rows on one broker
  python -m chaos --rows 6 --quick --keep      a look, and the logs of every process are kept
  make chaos ARGS="--seed 7"                   the same random moments again
"""
)
@click.option("--rows", help="Rows by number, separated by commas.  [default: all]")
@click.option("--broker", type=click.Choice([*BROKERS, "both"]), default="both", show_default=True)
@click.option("--seed", type=int, help="Of what is random.  [default: another each time, and printed]")
@click.option("--quick", is_flag=True, help="Less work and shorter faults: a look, not the bars' own numbers.")
@click.option("--keep", is_flag=True, help="Keep the folders with the logs of every process, and say where.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write everything there.")
@click.option(
    "--markdown", "markdown_file", type=click.Path(dir_okay=False, path_type=Path),
    help="Write the tables there; into a page between its marks, if it has them.",
)  # fmt: skip
def main(  # noqa: PLR0917  click gives them by name
    rows: str | None, broker: str, seed: int | None, quick: bool, keep: bool, json_file: Path | None,
    markdown_file: Path | None,
) -> None:  # fmt: skip
    """Break things on purpose, and see that nothing is lost.

    Each row of the fault matrix is run on real processes and private servers, and judged by the journal of the
    providers' stand-ins. The exit code is 1 when a bar is missed.
    """
    console = Console(width=None if sys.stdout.isatty() else 200)
    chosen = _chosen(rows)
    brokers = list(BROKERS) if broker == "both" else [broker]
    seed = random.randrange(10**6) if seed is None else seed
    began, load = time.monotonic(), os.getloadavg()[0]
    _announce(console, chosen, brokers, seed, quick=quick)
    versions: dict[str, str] = {}
    outcomes = _run(console, chosen, brokers, seed, quick=quick, keep=keep, versions=versions)
    minutes = (time.monotonic() - began) / 60
    machine = describe(versions, _PACKAGES) | {
        "date": f"{datetime.now(UTC):%Y-%m-%d}", "load_at_begin": load, "load_at_end": os.getloadavg()[0]
    }  # fmt: skip
    console.print(table(outcomes))
    console.print(f"{minutes:.1f} minutes; seed {seed}; {machine['processor']}, {machine['usable_cores']} cores.")
    if json_file:
        write_json(json_file, outcomes, machine, seed=seed)
    if markdown_file:
        write_markdown(markdown_file, markdown(outcomes, machine, seed=seed, quick=quick, minutes=minutes))
    if missed := [outcome for outcome in ordered(outcomes) if not outcome.met]:
        raise SystemExit("\n".join(_complaint(outcome) for outcome in missed))


def _chosen(rows: str | None) -> Sequence[Row]:
    if rows is None:
        return ROWS
    wanted, known = {part.strip() for part in rows.split(",")}, {str(row.number) for row in ROWS}
    if unknown := wanted - known:
        there, wrong = ", ".join(sorted(known, key=int)), ", ".join(sorted(unknown))
        raise click.BadParameter(f"there is no row {wrong}; there are {there}.", param_hint="--rows")
    return [row for row in ROWS if str(row.number) in wanted]


def _announce(console: Console, rows: Sequence[Row], brokers: Sequence[str], seed: int, *, quick: bool) -> None:
    minutes = sum(row.seconds[quick] for row in rows) / 60
    where = " and ".join(f"PostgreSQL + {broker}" for broker in brokers)
    console.print(f"{len(rows)} rows on {where}, about {minutes:.0f} minutes; seed {seed}.", highlight=False)
    for what, settings in (("Settings", SHORT), ("where a row is about these", PRODUCTION)):
        said = " ".join(f"{name}={value}" for name, value in settings.items())
        console.print(f"{what}: {said}", style="dim", highlight=False, soft_wrap=True)


def _run(
    console: Console, rows: Sequence[Row], brokers: Sequence[str], seed: int, *, quick: bool, keep: bool,
    versions: dict[str, str],
) -> list[Outcome]:  # fmt: skip
    """Run them, with a line for each that is done and, in a terminal, a bar for each broker."""
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.fields[left]}"),
        TimeElapsedColumn(),
    )  # fmt: skip
    progress = Progress(*columns, console=console, transient=True)
    total = sum(row.seconds[quick] for row in rows)
    tasks = {broker: progress.add_task(f"{broker}: starting", total=total, left="") for broker in brokers}

    def begin(broker: str, place: int) -> None:
        done = sum(row.seconds[quick] for row in rows[:place])
        what = f"{broker}: row {rows[place].number}, {rows[place].fault}"
        progress.update(
            tasks[broker], completed=done, description=what, left=f"about {(total - done) / 60:.0f} min left"
        )

    outcomes = []
    with progress if console.is_terminal else nullcontext():
        for outcome in run_rows(rows, brokers, seed=seed, quick=quick, keep=keep, begin=begin, versions=versions):
            outcomes.append(outcome)
            mark = "[green]met   [/]" if outcome.met else "[red]MISSED[/]"
            line = f"{mark} {outcome.broker:8} {outcome.seconds:5.0f} s  row {outcome.number:2}  {outcome.fault}"
            console.print(line, highlight=False)
            if not outcome.met:
                console.print(_why(outcome).partition("\n")[0], style="red", markup=False, highlight=False)
    return outcomes


def _complaint(outcome: Outcome) -> str:
    return f"Row {outcome.number} ({outcome.fault}, {outcome.broker}) missed its bar: {_why(outcome)}"


def _why(outcome: Outcome) -> str:
    return outcome.failure or "; ".join(f"{check.what}: {check.seen}" for check in outcome.missed)
