"""`crier health` and `crier doctor`."""

import json
from dataclasses import asdict

import click
from rich.table import Table
from rich.text import Text

from crier.cli.screen import screen
from crier.local.checks import Check
from crier.local.cluster import Cluster
from crier.local.doctor import doctor as examine_machine
from crier.local.health import health as examine_cluster
from crier.local.home import Home

MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


@click.command(
    epilog="""\b
Examples:
  crier health
  crier health --json          {"ok": …, "checks": [{"name", "level", "text", "remedy"}]}
  crier health || crier logs   in a script: ends with 1 when something is not well
"""
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def health(as_json: bool) -> None:
    """Say whether gateway, database, broker and every program work, and what to do when not.

    Ends with 1 when something does not.
    """
    _report(examine_cluster(Cluster(Home.find())), as_json)


@click.command(
    epilog="""\b
Examples:
  crier doctor                 before the first `crier up`, or when that fails
  crier doctor --json
"""
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def doctor(as_json: bool) -> None:
    """Say whether this machine can run Crier: Python, disk, ports, servers, settings, tables, clock.

    Starts and changes nothing. Ends with 1 when something is in the way.
    """
    _report(examine_machine(Cluster(Home.find())), as_json)


def _report(checks: list[Check], as_json: bool) -> None:
    is_well = all(check.level != "fail" for check in checks)
    if as_json:
        click.echo(json.dumps({"ok": is_well, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        screen().print(_table(checks))
    if not is_well:
        raise click.exceptions.Exit(1)


def _table(checks: list[Check]) -> Table:
    table = Table.grid(padding=(0, 2))
    for check in checks:
        mark, colour = MARKS[check.level]
        text = Text(check.text)
        if check.remedy:
            text.append(f"\n→ {check.remedy}", style="bold")
        table.add_row(Text(mark, style=colour), check.name, text)
    return table
