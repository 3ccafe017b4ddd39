"""`crier categories`."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from crier.cli.printable import one_line
from crier.cli.screen import screen
from crier.client import Client

if TYPE_CHECKING:
    from crier.answers import Category

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def categories() -> None:
    """Say what messages are about, so that people can choose: booking updates, news, offers."""


@categories.command(
    name="set",
    epilog="""\b
Examples:
  crier categories set booking_updates 'Booking updates' --description 'When one is confirmed, moved or cancelled.'
  crier categories set newsletter Newsletter --promotional
  crier categories set security Security --required
""",
)
@click.argument("name")
@click.argument("label")
@click.option("--description", help="A sentence for the people who choose.")
@click.option("--required", is_flag=True, help="It is sent whatever they chose.")
@click.option("--promotional", is_flag=True, help="News and offers, which go with all promotions.")
@click.option("--position", default=0, type=click.IntRange(0, 1000), help="Where it stands, the smallest first.")
@as_json_option
def set_category(
    *, name: str, label: str, description: str | None, required: bool, promotional: bool, position: int, as_json: bool
) -> None:
    """Declare the category NAME, shown to people as LABEL; or say anew what it is."""
    declared = Client().categories.put(
        name, label, description=description, required=required, promotional=promotional, position=position
    )
    _show([declared], as_json)


@categories.command(
    name="list",
    epilog="""\b
Example:
  crier categories list
""",
)
@as_json_option
def list_categories(as_json: bool) -> None:
    """List the project's categories, in their order."""
    found = Client().categories.list()
    if found or as_json:
        _show(found, as_json)
    else:
        screen().print("There are no categories: `crier categories set` declares one.")


@categories.command(
    epilog="""\b
Example:
  crier categories remove newsletter
"""
)
@click.argument("name")
def remove(name: str) -> None:
    """Declare NAME no more. What people chose stays."""
    Client().categories.remove(name)
    screen().print(Text(f"{one_line(name)} is declared no more."))


def _show(found: "Sequence[Category]", as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(list(found), indent=2))
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("NAME", "LABEL", "MAY BE CHOSEN", "DESCRIPTION"):
        table.add_column(name, overflow="fold")
    for one in found:
        chosen = "no" if one["required"] else "yes, news and offers" if one["promotional"] else "yes"
        words = (one["name"], one["label"], chosen, one["description"] or "")
        table.add_row(*(Text(one_line(word)) for word in words))
    screen().print(table)
