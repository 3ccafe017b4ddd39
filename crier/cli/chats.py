"""`crier chats`."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from crier.cli.follow import follow
from crier.cli.printable import one_line
from crier.cli.screen import screen
from crier.cli.timeline import GOOD
from crier.client import Client

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crier.answers import Chat

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def chats() -> None:
    """Say where chat messages go: Slack, Discord, Telegram, Teams and others.

    What changes a destination needs a key with the scope admin.
    """


@chats.command(
    epilog="""\b
Examples:
  crier chats add ops slack://TOKEN_A/TOKEN_B/TOKEN_C
  crier chats add ops https://hooks.slack.com/services/T…/B…/…
  crier chats add family tgram://BOT_TOKEN/CHAT_ID --description 'Just us'
  pass show ops-webhook | crier chats add ops -
"""
)
@click.argument("name")
@click.argument("url")
@click.option("--description", help="For people.")
@as_json_option
def add(name: str, url: str, description: str | None, as_json: bool) -> None:
    """Make the destination NAME at URL, which is Apprise's or a webhook's. It is never shown again.

    With - for URL it is read from the standard input, so that no list of processes shows it.
    """
    made = Client().chats.create(name, _url(url), description=description)
    if as_json:
        click.echo(json.dumps(made, indent=2))
        return
    screen().print(_table([made]))
    screen().print(f"crier chats test {made['name']}      sends it a message", style="dim")


@chats.command(
    name="list",
    epilog="""\b
Examples:
  crier chats list
  crier chats list --json | jq -r '.[].name'
""",
)
@as_json_option
def list_chats(as_json: bool) -> None:
    """List the destinations, by name."""
    found = Client().chats.list()
    if as_json:
        click.echo(json.dumps(list(found), indent=2))
    elif found:
        screen().print(_table(found))
    else:
        screen().print("There are no destinations: `crier chats add` makes one.")


@chats.command(
    epilog="""\b
Example:
  crier chats move ops slack://TOKEN_A/TOKEN_B/TOKEN_C        after its token was changed
"""
)
@click.argument("name")
@click.argument("url")
@as_json_option
def move(name: str, url: str, as_json: bool) -> None:
    """Give the destination NAME another URL; - reads it from the standard input. What waits for it goes there too."""
    moved = Client().chats.move(name, _url(url))
    if as_json:
        click.echo(json.dumps(moved, indent=2))
    else:
        screen().print(_table([moved]))


@chats.command(
    epilog="""\b
Examples:
  crier chats test ops
  crier chats test ops --wait        ends with 1 unless it arrived
"""
)
@click.argument("name")
@click.option("--wait", "waits", is_flag=True, help="Follow it until it ends.")
@as_json_option
def test(name: str, waits: bool, as_json: bool) -> None:
    """Send the destination NAME a message."""
    client = Client()
    receipt = client.chats.test(name)
    found: Any = follow(client, receipt["id"], screen(stderr=as_json)) if waits else receipt
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif not waits:
        screen().print(f"On its way. crier show {receipt['id']} says what became of it.")
    if waits and found["state"] not in GOOD:
        raise click.exceptions.Exit(1)


@chats.command(
    epilog="""\b
Example:
  crier chats remove ops
"""
)
@click.argument("name")
def remove(name: str) -> None:
    """Delete the destination NAME. What still waits for it fails."""
    Client().chats.delete(name)
    screen().print("Deleted.")


def _url(given: str) -> str:
    return sys.stdin.readline().strip() if given == "-" else given


def _table(found: "Sequence[Chat]") -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("NAME", "SERVICE", "WHERE", "DESCRIPTION", "ID"):
        table.add_column(name, overflow="fold", no_wrap=name in ("NAME", "ID"))
    for one in found:
        row = (one["name"], one["service"], one["url"], one["description"] or "", one["id"])
        table.add_row(*(Text(one_line(value)) for value in row))
    return table
