"""`crier inbox`."""

import json
from collections.abc import Iterable
from itertools import islice
from typing import cast

import click
from rich.table import Table
from rich.text import Text

from crier.answers import InboxEvent, InboxItem
from crier.cli.printable import one_line
from crier.cli.screen import screen
from crier.cli.timeline import local
from crier.client import Client
from crier.inbox import Inbox, State

STATES = ("inbox", "unread", "archived")
MARKS = ("read", "unread", "archive", "unarchive")


@click.command(
    epilog="""\b
Examples:
  crier inbox ada
  crier inbox ada --state unread --json
  crier inbox ada --watch
  crier inbox ada --mark read 0198c0de-0000-7000-8000-000000000000
  crier inbox ada --read-all
"""
)
@click.argument("user")
@click.option("--state", type=click.Choice(STATES), help="Only these. [default: inbox, all that is not archived]")
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1), help="How many at most.")
@click.option("--watch", is_flag=True, help="Show what happens, as it happens; Ctrl-C ends it.")
@click.option("--mark", nargs=2, type=(click.Choice(MARKS), click.UUID), metavar="MARK ID", help="Mark one.")
@click.option("--read-all", is_flag=True, help="Mark everything as read.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def inbox(
    *, user: str, state: str | None, limit: int, watch: bool, mark: tuple[str, object] | None, read_all: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Show the in-app notifications of USER, by your id of the person."""
    if sum((watch, mark is not None, read_all)) > 1:
        raise click.UsageError("Say one of --watch, --mark and --read-all.")
    found = Client().inbox(user)
    if watch:
        _watch(found, as_json)
        return
    if read_all:
        screen().print(f"Marked as read: {found.read_all()}.")
        return
    if mark is not None:
        what, identifier = mark
        _show([getattr(found, what)(str(identifier))], as_json)
        return
    items = list(islice(found.list(state=cast("State | None", state)), limit))
    _show(items, as_json)
    if not as_json:
        screen().print(f"Unread: {found.count()}." if items else f"There is nothing: unread are {found.count()}.")


def _watch(found: Inbox, as_json: bool) -> None:
    try:
        for event in found.watch():
            if as_json:
                click.echo(json.dumps(event))
            else:
                screen().print(_told(event))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _told(event: InboxEvent) -> Text:
    data = event["data"]
    match event["event"]:
        case "notification":
            text = Text(one_line(data["title"]), style="bold")
            return text.append(f"  {one_line(data['body'])}", style="not bold dim") if data["body"] else text
        case "changed":
            marks = [name for name in ("read", "archived") if data[f"{name}_at"]]
            return Text(f"{data['id']} is {' and '.join(marks) or 'unread'}", style="dim")
        case "count":
            return Text(f"unread: {data['unread']}", style="dim")
        case name:
            return Text(name, style="dim")


def _show(items: Iterable[InboxItem], as_json: bool) -> None:
    items = list(items)
    if as_json:
        click.echo(json.dumps(items, indent=2))
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("ID", "ARRIVED", "", "TITLE", "BODY"):
        table.add_column(column, overflow="fold" if column == "ID" else "ellipsis", no_wrap=column != "BODY")
    for item in items:
        is_new = not item["read_at"]
        table.add_row(
            item["id"], local(item["created_at"], "%d %b %H:%M"), Text("●", style="blue") if is_new else "",
            Text(one_line(item["title"]), style="bold" if is_new else ""), Text(one_line(item["body"]), style="dim"),
        )  # fmt: skip
    if items:
        screen().print(table)
