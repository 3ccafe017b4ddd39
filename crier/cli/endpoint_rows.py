"""Endpoints of webhooks, for the terminal."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from crier.cli.printable import one_line
from crier.cli.screen import screen

if TYPE_CHECKING:
    from crier.answers import Endpoint


def show_endpoint(found: "Endpoint", as_json: bool) -> None:
    """Print an endpoint, for people or for programs."""
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        screen().print(rows_of(found))


def rows_of(found: "Endpoint") -> Table:
    """All there is to say of an endpoint."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in (
        ("id", found["id"]),
        ("url", found["url"]),
        ("events", ", ".join(found["events"]) or "none: only what is sent to it"),
        ("description", found["description"] or ""),
        ("state", _state(found)),
    ):
        table.add_row(name, Text(one_line(value)))
    return table


def table_of(found: "Sequence[Endpoint]") -> Table:
    """An endpoint a row."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("ID", "URL", "EVENTS", "STATE"):
        table.add_column(name, overflow="fold", no_wrap=name == "ID")
    for one in found:
        row = (one["id"], one["url"], ", ".join(one["events"]) or "-", _state(one))
        table.add_row(*(Text(one_line(value)) for value in row))
    return table


def _state(found: "Endpoint") -> str:
    if found["disabled_at"]:
        return f"disabled since {when(found['disabled_at'])}: {found['disabled_reason']}"
    return f"failing since {when(found['failing_since'])}" if found["failing_since"] else "works"


def when(moment: str) -> str:
    """A moment of the API's, in the terminal's own zone."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"
