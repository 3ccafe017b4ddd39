"""`crier suppressions`."""

import json
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, cast, get_args

import click
from rich.table import Table
from rich.text import Text

from crier.cli.printable import one_line
from crier.cli.screen import screen
from crier.cli.timeline import local
from crier.client import Client
from crier.suppressions import Channel, Reason

if TYPE_CHECKING:
    from crier.answers import Suppression

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")
channel_option = click.option(
    "--channel", type=click.Choice(get_args(Channel)), help="How they are written to; email where TARGET has an @."
)


@click.group()
def suppressions() -> None:
    """See whom not to write to, and why; add somebody, or write to them again.

    Bounces, complaints and opt-outs come here by themselves, from what providers report.
    """


@suppressions.command(
    name="list",
    epilog="""\b
Examples:
  crier suppressions list
  crier suppressions list --reason complaint --limit 100
  crier suppressions list ada@example.com
""",
)
@click.argument("target", required=False)
@click.option("--channel", type=click.Choice(get_args(Channel)), help="Only these.")
@click.option("--reason", type=click.Choice(get_args(Reason)), help="Only these.")
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1), help="How many at most.")
@as_json_option
def list_suppressions(
    target: str | None, channel: str | None, reason: str | None, limit: int, as_json: bool
) -> None:  # fmt: skip
    """List suppressions, newest first; or those of TARGET, an address or a number."""
    wanted = Client().suppressions.list(
        channel=cast("Channel | None", channel), target=target, reason=cast("Reason | None", reason)
    )
    found = list(islice(wanted, limit))
    if not found and not as_json:
        nobody = target is None and channel is None and reason is None
        screen().print("Nobody is suppressed." if nobody else "Nobody like that is suppressed.")
        return
    _show(found, as_json)


@suppressions.command(
    epilog="""\b
Examples:
  crier suppressions add ada@example.com
  crier suppressions add ada@example.com --scope promotions
  crier suppressions add ada@example.com --scope category:newsletter
  crier suppressions add +447700900123 --channel sms
"""
)
@click.argument("target")
@channel_option
@click.option(
    "--scope", default="everything", show_default=True, metavar="everything|promotions|category:NAME",
    help="What is kept away.",
)  # fmt: skip
@as_json_option
def add(target: str, channel: str | None, scope: str, as_json: bool) -> None:
    """Write to TARGET no more, until it is removed."""
    _show(Client().suppressions.add(_channel(target, channel), target, scope=scope), as_json)


@suppressions.command(
    epilog="""\b
Examples:
  crier suppressions remove ada@example.com
  crier suppressions remove +447700900123 --channel sms
"""
)
@click.argument("target")
@channel_option
@as_json_option
def remove(target: str, channel: str | None, as_json: bool) -> None:
    """Write to TARGET again. Make sure that they want it."""
    removed = Client().suppressions.remove(_channel(target, channel), target)
    if as_json:
        click.echo(json.dumps(list(removed), indent=2))
    else:
        reasons = ", ".join(dict.fromkeys(one["reason"] for one in removed))
        screen().print(Text(f"{one_line(target)} is written to again. It was suppressed for: {reasons}."))


def _channel(target: str, channel: str | None) -> Channel:
    if channel is None and "@" not in target:
        raise click.UsageError("--channel: say how this target is written to, e.g. --channel sms.")
    return cast("Channel", channel or "email")


def _show(found: "Sequence[Suppression]", as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(list(found), indent=2))
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("SINCE", "CHANNEL", "REASON", "KEEPS AWAY", "SAID BY"):
        table.add_column(name, no_wrap=True)
    table.add_column("TARGET", overflow="fold")
    for one in found:
        by_sender = f" from {one['sender']}" if one["sender"] else ""
        table.add_row(
            local(one["created_at"], "%Y-%m-%d %H:%M"), one["channel"], one["reason"],
            Text(one_line(one["scope"] + by_sender)), Text(one_line(one["source"])), Text(one_line(one["target"])),
        )  # fmt: skip
    screen().print(table)
