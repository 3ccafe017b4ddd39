"""Events and their reminders, for the terminal."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from crier.cli.printable import one_line
from crier.cli.screen import screen
from crier.cli.timeline import local

if TYPE_CHECKING:
    from crier.answers import EventReminder, PlannedEvent, PlannedEventSummary


def show_event(found: "PlannedEvent", as_json: bool) -> None:
    """Print an event, for people or for programs."""
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in (
        ("key", found["key"]),
        ("id", found["id"]),
        ("begins", begins(found)),
        ("state", found["state"]),
    ):
        table.add_row(name, Text(one_line(value)))
    screen().print(table)
    screen().print(_reminders(found["reminders"]))


def table_of(found: "Sequence[PlannedEventSummary]") -> Table:
    """An event a row."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("KEY", "BEGINS", "STATE", "REMINDERS", "NEXT"):
        table.add_column(name, overflow="fold")
    for one in found:
        following = one["next_reminder_at"]
        after = [f"+{offset}" for offset in (one["follow_up"] or {}).get("after", ())]
        offsets = ", ".join((*one["offsets"], *after))
        row = (one["key"], begins(one), one["state"], offsets, _when(following) if following else "-")
        table.add_row(*(Text(one_line(value)) for value in row))
    return table


def begins(found: "PlannedEventSummary") -> str:
    """When it begins, on the clock there."""
    return f"{datetime.fromisoformat(found['local_start']):%Y-%m-%d %H:%M} {found['timezone']}"


def _reminders(found: "Sequence[EventReminder]") -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("REMINDER", "DUE", "STATE", "NOTIFICATION", "WHY"):
        table.add_column(name, overflow="fold", no_wrap=name == "NOTIFICATION")
    for one in found:
        state = f"{one['state']}: {one['notification_state']}" if one["notification_state"] else one["state"]
        row = (one["offset"], _when(one["due_at"]), state, one["notification_id"] or "-", one["reason"] or "")
        table.add_row(*(Text(one_line(value)) for value in row))
    return table


def _when(moment: str) -> str:
    return local(moment, "%Y-%m-%d %H:%M")
