"""`crier calendar`."""

import json

import click
from rich.table import Table
from rich.text import Text

from crier.answers import Job, Run
from crier.cli.printable import one_line
from crier.cli.screen import screen
from crier.cli.timeline import local
from crier.client import Client

_COLOURS = {"done": "green", "running": "cyan", "failed": "red", "skipped": "yellow", "waiting": "yellow"}
_MISSED = {"skip": "left out", "once": "made up for"}
_MINUTES = "%Y-%m-%d %H:%M"


@click.command(
    epilog="""\b
Examples:
  crier calendar
  crier calendar --json | jq '.[] | select(.last.state == "failed")'
"""
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def calendar(as_json: bool) -> None:
    """Show Crier's own periodic jobs: when each runs next, and what came of it last time.

    CRON is in UTC; the other times are in this terminal's time zone. MISSED says what becomes of a run that nobody
    began in time.
    """
    jobs = Client().calendar()
    if as_json:
        click.echo(json.dumps(list(jobs), indent=2))
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("JOB", "CRON", "NEXT", "LAST", "", "MISSED"):
        table.add_column(name, no_wrap=True)
    table.add_column("RESULT", overflow="fold")
    for job in jobs:
        table.add_row(job["name"], job["cron"], local(job["next_at"], _MINUTES), *_last(job), _result(job))
    screen().print(table)


def _last(job: Job) -> tuple[str, Text, str]:
    last, missed = job["last"], _MISSED[job["missed"]]
    if last is None:
        return "", Text("not yet", style="dim"), missed
    return local(last["due_at"], _MINUTES), Text(last["state"], style=_COLOURS[last["state"]]), missed


def _result(job: Job) -> str:
    last: Run | None = job["last"]
    if last is None:
        return ""
    said = last["problem"] or ", ".join(f"{name}: {value}" for name, value in (last["result"] or {}).items())
    return one_line(said)
