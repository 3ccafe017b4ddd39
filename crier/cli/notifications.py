"""`crier show`, `list`, `cancel` and `retry`."""

import json
from itertools import islice
from typing import Any
from uuid import UUID

import click
from rich.table import Table
from rich.text import Text

from crier.answers import Summary
from crier.cli.content import CHANNELS
from crier.cli.screen import screen
from crier.cli.timeline import COLOURS, describe, local, state_text, target_of
from crier.cli.values import past_moment
from crier.client import Client

WIDE = 110  # columns from which everything fits
STATES = ("scheduled", "queued", "claimed", "started", *COLOURS)


@click.command(
    epilog="""\b
Examples:
  crier show 0198c0de-0000-7000-8000-000000000000
  crier show 0198c0de-0000-7000-8000-000000000000 --json | jq .state
"""
)
@click.argument("notification_id", metavar="ID", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show(notification_id: UUID, as_json: bool) -> None:
    """Show a notification: what was asked for, where each delivery is, and everything that happened."""
    found = Client().get(str(notification_id))
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        screen().print(describe(found))


@click.command(
    name="list",
    epilog="""\b
Examples:
  crier list --state failed --after 1d
  crier list --to ada@example.com
  crier list --batch 0198c0de-0000-7000-8000-000000000000 --limit 1000 --json
""",
)
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--channel", type=click.Choice(CHANNELS), help="Only these.")
@click.option("--template", help="Only of this one: welcome, or one version of it: welcome@3.")
@click.option("--batch", "batch_id", metavar="ID", type=click.UUID, help="Only of this bulk send.")
@click.option("--to", "recipient", metavar="TARGET", help="Only to this address, number or device token.")
@click.option("--after", "accepted_after", type=past_moment, help="Accepted since then, or within so long: 1d.")
@click.option("--before", "accepted_before", type=past_moment, help="Accepted before then.")
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1), help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_notifications(limit: int, as_json: bool, **filters: Any) -> None:
    """List notifications, newest first."""
    found = list(islice(Client().list(**filters), limit + 1))
    shown = found[:limit]
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return
    console = screen()
    if not shown:
        console.print("There are none like that." if any(filters.values()) else "Nothing has been sent yet.")
        return
    console.print(_table(shown, is_wide=console.width >= WIDE))
    if len(found) > limit:
        console.print(f"There are more: --limit {limit * 5}, or narrow it down (--help).", style="dim")


@click.command(
    epilog="""\b
Example:
  crier cancel 0198c0de-0000-7000-8000-000000000000
"""
)
@click.argument("notification_id", metavar="ID", type=click.UUID)
def cancel(notification_id: UUID) -> None:
    """Stop what has not been sent yet. Possible until the moment of sending."""
    stopped = Client().cancel(str(notification_id))
    screen().print(f"Cancelled: {stopped} {'delivery' if stopped == 1 else 'deliveries'}.")


@click.command(
    epilog="""\b
Example:
  crier retry 0198c0de-0000-7000-8000-000000000000
"""
)
@click.argument("notification_id", metavar="ID", type=click.UUID)
def retry(notification_id: UUID) -> None:
    """Send again what failed, bounced, or is held because nobody knows whether it was sent."""
    Client().retry(str(notification_id))
    console = screen()
    console.print("Queued again.")
    console.print(f"  crier show {notification_id}      what became of it", style="dim")


def _table(found: list[Summary], *, is_wide: bool) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("ID", no_wrap=True, min_width=36)
    table.add_column("STATE", no_wrap=True, min_width=9)
    table.add_column("ACCEPTED", no_wrap=True, min_width=14 if is_wide else 11)
    for name in ("LANE", "TEMPLATE", "TO") if is_wide else ("TO",):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for one in found:
        what = (f"{one['channel']}.{one['lane']}", one["template"] or "") if is_wide else ()
        accepted = local(one["accepted_at"], "%m-%d %H:%M:%S" if is_wide else "%m-%d %H:%M")
        target = Text(target_of(one["recipient"]), overflow="ellipsis")
        table.add_row(one["id"], state_text(one["state"]), accepted, *what, target)
    return table
