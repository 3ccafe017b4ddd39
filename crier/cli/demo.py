"""`crier demo`."""

import tempfile
import time
from pathlib import Path

import click
from rich.console import Console

from crier.cli.interrupts import Interrupts, interrupted_by_every_signal
from crier.cli.screen import screen
from crier.cli.steps import steps_on
from crier.demo.report import account, write_folder
from crier.demo.run import Demo, Outcome
from crier.demo.stage import Stage, stage
from crier.local.errors import LocalError
from shared.errors import CrierError


@click.command(
    epilog="""\b
Examples:
  crier demo
  crier demo --out ./demo      the folder with what was received; a temporary one if not given
  crier demo --keep            look around afterwards, until Ctrl-C

\b
Nothing leaves this machine, and nothing of your own installation is used or changed. Takes about a minute.
Ends with 1 when anything is not as it should be.
"""
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Where mails, journal and report are put."
)
@click.option("--keep", is_flag=True, help="Keep everything running afterwards, until Ctrl-C.")
def demo(out: Path | None, keep: bool) -> None:
    """Show everything on this machine, and account for every call.

    Starts a private cluster and stand-ins for the vendors, sends to a thousand people from a file and one by one in
    every way there is, lets providers fail, lose answers, bounce and complain, and compares what was asked for with
    what the stand-ins received.
    """
    console = screen()
    folder = _folder(out)
    try:
        with interrupted_by_every_signal() as interrupts:
            outcome = _play(console, folder, interrupts, keep=keep)
    except (CrierError, LocalError) as error:
        raise click.ClickException(f"{error}\nThe programs' logs are in {folder / 'logs'}.") from error
    except KeyboardInterrupt:
        console.print("Interrupted. Everything that was started has been stopped.")
        raise click.exceptions.Exit(130) from None
    if outcome.findings:
        raise click.exceptions.Exit(1)


def _play(console: Console, folder: Path, interrupts: Interrupts, *, keep: bool) -> Outcome:
    begun, ending = time.monotonic(), steps_on(console)
    step = interrupts.between(ending)
    with stage(folder, step, ending) as played:
        outcome = Demo(played, console, step).run()
        with step(f"Mails and report into {folder}"):
            write_folder(folder, outcome)
        console.print("", account(outcome), "", sep="\n")
        _where(console, folder, begun)
        if keep:
            _keep(console, played)
    return outcome


def _folder(out: Path | None) -> Path:
    if out is None:
        return Path(tempfile.mkdtemp(prefix="crier-demo-results-"))
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise click.UsageError(f"--out: {out} is not empty; name a new folder.")
    except OSError as error:
        raise click.UsageError(f"--out: {out} cannot be used: {error.strerror}.") from error
    return out


def _where(console: Console, folder: Path, begun: float) -> None:
    console.print(f"{time.monotonic() - begun:.0f} seconds. To look at: ", style="dim", end="")
    console.print(folder, style="bold")
    for name, about in (
        ("mails/", "every mail, as .eml and as .html"),
        ("cleanup/", "the report on a sample application's database, as .html and .json"),
        ("journal.ndjson", "every call the stand-ins received, and what they answered"),
        ("report.html", "these tables, and every refused row with its reason"),
        ("logs/", "what every program logged, once all has stopped"),
    ):
        console.print(f"  {name:<16} {about}", style="dim")


def _keep(console: Console, played: Stage) -> None:
    console.print("\nIt keeps running until Ctrl-C:")
    for name, value in (
        ("Gateway", played.running.url),
        ("Docs", f"{played.running.url}/docs"),
        ("Stand-ins", f"{played.sandbox.url}  what they received, as people see it"),
        ("In another terminal", f"CRIER_HOME={played.home.root} crier list"),
    ):
        console.print(f"  {name:<20} {value}")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.print("Stopping everything…", style="dim")
