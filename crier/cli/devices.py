"""`crier devices`."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

import click
from rich.table import Table
from rich.text import Text

from crier.cli.printable import one_line
from crier.cli.screen import screen
from crier.client import Client

if TYPE_CHECKING:
    from crier.answers import Device
    from crier.request import Platform

PLATFORMS = ("android", "ios", "web")
as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def devices() -> None:
    """List, register and remove a user's devices: where their pushes go."""


@devices.command(
    name="list",
    epilog="""\b
Examples:
  crier devices list u_1
  crier devices list u_1 --json | jq -r .[].token
""",
)
@click.argument("user")
@as_json_option
def list_devices(user: str, as_json: bool) -> None:
    """List the devices of USER, oldest first.

    One that the vendor says is dead is no more among them.
    """
    _show(user, Client().devices(user), as_json)


@devices.command(
    epilog="""\b
Examples:
  crier devices add u_1 cxsvc9gzo6U:APA91bEH6MEB --platform android
  crier devices add u_1 1dd608f2-c6a1-4e3a-851d-000c2940e62c --platform ios        a OneSignal subscription
  crier devices add u_1 NEW --platform ios --replaces OLD        what waits for OLD goes to NEW
"""
)
@click.argument("user")
@click.argument("token")
@click.option("--platform", required=True, type=click.Choice(PLATFORMS), help="What it is.")
@click.option("--replaces", metavar="TOKEN", help="The token it had before, if it got a new one.")
@as_json_option
def add(user: str, token: str, platform: str, replaces: str | None, as_json: bool) -> None:
    """Register the device that TOKEN stands for as one of USER."""
    _show(user, Client().register_device(user, token, cast("Platform", platform), replaces=replaces), as_json)


@devices.command(
    epilog="""\b
Example:
  crier devices remove u_1 cxsvc9gzo6U:APA91bEH6MEB
"""
)
@click.argument("user")
@click.argument("token")
@as_json_option
def remove(user: str, token: str, as_json: bool) -> None:
    """Forget the device that TOKEN stands for."""
    _show(user, Client().remove_device(user, token), as_json)


def _show(user: str, found: "Sequence[Device]", as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(list(found), indent=2))
    elif found:
        screen().print(_table(found))
    else:
        screen().print(Text(f"{one_line(user)} has no devices: `crier devices add` registers one."))


def _table(found: "Sequence[Device]") -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("PLATFORM", "REGISTERED", "TOKEN"):
        table.add_column(name, overflow="fold")
    for device in found:
        registered = datetime.fromisoformat(device["registered_at"]).astimezone()
        table.add_row(device["platform"], f"{registered:%Y-%m-%d %H:%M}", Text(one_line(device["token"])))
    return table
