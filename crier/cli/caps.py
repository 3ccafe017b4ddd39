"""`crier caps`."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast, get_args

import click
from rich.table import Table
from rich.text import Text

from crier.caps import CappedKind, Over
from crier.cli.content import CHANNELS
from crier.cli.printable import one_line
from crier.cli.screen import screen
from crier.client import Client

if TYPE_CHECKING:
    from crier.answers import Cap

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def caps() -> None:
    """Say how often to write to one person, at most.

    Codes, and what goes by the critical lane, are never kept back.
    """


@caps.command(
    name="list",
    epilog="""\b
Examples:
  crier caps list
""",
)
@as_json_option
def list_caps(as_json: bool) -> None:
    """List the project's caps."""
    found = Client().caps.list()
    if not found and not as_json:
        screen().print("There is no cap: everybody gets whatever is sent.")
        return
    _show(found, as_json)


@caps.command(
    name="set",
    epilog="""\b
Examples:
  crier caps set promotions-a-week --most 3 --per 7d --kind promotion
  crier caps set calm --most 5 --per 1h --channel push --channel sms --over wait
  crier caps set one-newsletter --most 1 --per 24h --category newsletter --over drop
""",
)
@click.argument("name")
@click.option("--most", required=True, type=click.IntRange(1, 1000), help="Messages to one person.")
@click.option("--per", required=True, metavar="24h|7d", help="In any so long.")
@click.option("--kind", type=click.Choice(get_args(CappedKind)), help="Only what is of this kind.")
@click.option("--category", help="Only what is of this category.")
@click.option("--channel", "channels", multiple=True, type=click.Choice(CHANNELS), help="Only what goes by these.")
@click.option(
    "--over", type=click.Choice(get_args(Over)), help="What becomes of more. Promotions are dropped, others wait."
)
@as_json_option
def set_cap(
    *, name: str, most: int, per: str, kind: str | None, category: str | None, channels: tuple[str, ...],
    over: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Make the cap NAME, or replace it."""
    made = Client().caps.put(
        name, most=most, per=per, kind=cast("CappedKind | None", kind), category=category, channels=channels,
        over=cast("Over | None", over),
    )  # fmt: skip
    _show([made], as_json)


@caps.command(
    epilog="""\b
Examples:
  crier caps remove promotions-a-week
"""
)
@click.argument("name")
def remove(name: str) -> None:
    """Remove the cap NAME."""
    Client().caps.delete(name)
    screen().print(Text(f"{one_line(name)} is gone. What waits because of it goes when its time has come."))


def _show(found: "Sequence[Cap]", as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(list(found), indent=2))
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("NAME", "MOST", "OF", "BY", "MORE IS"):
        table.add_column(name, no_wrap=name != "BY")
    for one in found:
        about = " ".join(part for part in (one["kind"], one["category"] and f"about {one['category']}") if part)
        table.add_row(
            Text(one_line(one["name"])), f"{one['most']} per {one['per']}", Text(one_line(about or "everything")),
            ", ".join(one["channels"]) or "any channel", {"drop": "dropped", "wait": "put off"}[one["over"]],
        )  # fmt: skip
    screen().print(table)
