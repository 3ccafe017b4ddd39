"""`crier quiet-hours`."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast, get_args

import click
from rich.text import Text

from crier.cli.printable import one_line
from crier.cli.screen import screen
from crier.client import Client
from crier.recipients import Channel

if TYPE_CHECKING:
    from crier.answers import QuietWindow

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group(name="quiet-hours")
def quiet_hours() -> None:
    """Say when people are left in peace. What is critical, and codes, are sent at any time."""


@quiet_hours.command(
    name="set",
    epilog="""\b
Examples:
  crier quiet-hours set 22:00 08:00 --timezone Europe/Paris
  crier quiet-hours set 21:00 09:00 --timezone Europe/London --channel sms
""",
)
@click.argument("begin")
@click.argument("end")
@click.option("--timezone", required=True, help="Whose clocks, where a recipient's are not known.")
@click.option(
    "--channel", "channels", multiple=True, type=click.Choice(get_args(Channel)), help="[default: sms, whatsapp, push]"
)
@as_json_option
def set_hours(begin: str, end: str, timezone: str, channels: Sequence[str], as_json: bool) -> None:
    """Leave people in peace from BEGIN to END, by the clocks where each of them is."""
    wanted = cast("Sequence[Channel] | None", list(channels) or None)
    _show(Client().quiet_hours.set(begin, end, timezone=timezone, channels=wanted), as_json)


@quiet_hours.command(
    epilog="""\b
Example:
  crier quiet-hours show
"""
)
@as_json_option
def show(as_json: bool) -> None:
    """Show the project's quiet hours."""
    _show(Client().quiet_hours.get(), as_json)


@quiet_hours.command(
    epilog="""\b
Example:
  crier quiet-hours remove        what was put off before still waits until then
"""
)
def remove() -> None:
    """Keep none."""
    Client().quiet_hours.remove()
    screen().print("There are no quiet hours any more.")


def _show(found: "QuietWindow | None", as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found is None:
        screen().print("The project has no quiet hours: `crier quiet-hours set` makes some.")
    else:
        where = f"where the recipient is, else in {found['timezone']}"
        told = f"From {found['from']} to {found['until']} {where}: {', '.join(found['channels'])}."
        screen().print(Text(one_line(told)))
