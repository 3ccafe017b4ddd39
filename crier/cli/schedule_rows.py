"""Schedules, for the terminal."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from crier.cli.printable import one_line
from crier.cli.screen import screen
from crier.cli.timeline import local

if TYPE_CHECKING:
    from crier.answers import Schedule, ScheduleSummary

_COLOURS = {"active": "green", "fired": "green", "paused": "yellow", "skipped": "yellow", "failed": "red"}


def show_schedule(found: "Schedule", as_json: bool) -> None:
    """Print a schedule, for people or for programs."""
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        screen().print(_rows(found))


def table_of(found: "Sequence[ScheduleSummary]") -> Table:
    """A schedule a row."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("ID", "STATE", "NEXT", "WHEN", "NAME"):
        table.add_column(name, overflow="fold", no_wrap=name in ("ID", "NEXT"))
    for one in found:
        following = local(one["next_fire_at"], "%Y-%m-%d %H:%M") if one["next_fire_at"] else "-"
        table.add_row(one["id"], _word(one["state"]), following, _when(one["trigger"]), Text(one_line(one["name"])))
    return table


def _rows(found: "Schedule") -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in (
        ("id", Text(found["id"])),
        ("name", Text(one_line(found["name"]))),
        ("state", _word(found["state"])),
        ("when", _when(found["trigger"])),
        ("missed", Text(f"{found['misfire']}, after {found['misfire_grace']} s")),
        ("sends", Text(one_line(json.dumps(found["request"], ensure_ascii=False)))),
    ):
        table.add_row(name, value)
    for number, moment in enumerate(found["next_fires"]):
        table.add_row("next" if number == 0 else "", Text(local(moment)))
    parts: list[RenderableType] = [table]
    if found["fires"]:
        parts += ["", _fires(found)]
    return Group(*parts)


def _fires(found: "Schedule") -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("DUE", "STATE", "NOTIFICATION, OR WHY NONE"):
        table.add_column(name, overflow="fold", no_wrap=name == "DUE")
    for one in found["fires"]:
        what = one["reason"] or one["notification_id"] or ""
        table.add_row(local(one["fire_time"]), _word(one["state"]), Text(one_line(what)))
    return table


def _when(trigger: Mapping[str, Any]) -> Text:
    if "at" in trigger:
        said = f"at {local(trigger['at'], '%Y-%m-%d %H:%M')}"
    elif "every" in trigger:
        said = f"every {trigger['every']}"
    else:
        said = f"{trigger['cron']} in {trigger['timezone']}"
    return Text(one_line(said))


def _word(state: str) -> Text:
    return Text(state, style=_COLOURS.get(state, "cyan"))
