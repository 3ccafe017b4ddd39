"""`crier outbox`."""

import json
import tempfile
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast
from uuid import UUID

import click
from rich.table import Table
from rich.text import Text

from crier.cli.content import CHANNELS
from crier.cli.previews import panel, save
from crier.cli.printable import one_line
from crier.cli.screen import screen
from crier.cli.timeline import local
from crier.client import Client
from crier.errors import ApiProblem

if TYPE_CHECKING:
    from crier.answers import Kept, KeptSummary
    from crier.request import Channel


@click.group()
def outbox() -> None:
    """Look at what channels without a provider kept instead of sending it."""


@outbox.command(
    name="list",
    epilog="""\b
Examples:
  crier outbox list
  crier outbox list --channel email --limit 5
""",
)
@click.option("--channel", type=click.Choice(CHANNELS), help="Only these.")
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1), help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_kept(channel: str | None, limit: int, as_json: bool) -> None:
    """List kept messages, newest first."""
    found = list(islice(Client().outbox(cast("Channel | None", channel)), limit))
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        screen().print(_table(found))
    else:
        screen().print("Nothing has been kept: a channel keeps its messages while it has no provider.")


@outbox.command(
    epilog="""\b
Examples:
  crier outbox show 0198c0de-0000-7000-8000-000000000000
  crier outbox show 0198c0de-0000-7000-8000-000000000000 --open
  crier outbox show 0198c0de-0000-7000-8000-000000000000 --out mail.html
"""
)
@click.argument("identifier", metavar="ID", type=click.UUID)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it as a page to this file.")
@click.option("--open", "opens", is_flag=True, help="Open it in a browser, as its recipient would have seen it.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show(identifier: UUID, out: Path | None, opens: bool, as_json: bool) -> None:
    """Show a kept message. ID is that of a delivery, or of a notification: then its first delivery is shown."""
    kept = _find(Client(), str(identifier))
    if as_json:
        click.echo(json.dumps(kept, indent=2))
    elif not out and not opens:
        console = screen()
        console.print(Text(f"To {one_line(kept['target'])}, {local(kept['kept_at'], '%Y-%m-%d %H:%M:%S')}", "dim"))
        console.print(panel(kept["channel"], kept["message"]["content"]))
    if out or opens:
        # Kept: the browser reads it after this process has ended.
        path = out or Path(tempfile.mkdtemp(prefix="crier-outbox-")) / f"{kept['delivery_id']}.html"
        save(path, _drawn(kept).encode())
        click.echo(path, err=as_json)
        if opens:
            click.launch(path.absolute().as_uri())


def _find(client: Client, identifier: str) -> "Kept":
    try:
        return client.kept(identifier)
    except ApiProblem as problem:
        if problem.kind != "not-found":
            raise
        try:
            first = client.get(identifier)["deliveries"][0]["id"]
        except ApiProblem:
            raise problem from None
        return client.kept(first)


def _drawn(kept: "Kept") -> str:
    # Imported here: only a page needs the engine that draws.
    from shared.previews import page
    from shared.previews.kept import shown

    facts = {"Template": kept["template"] or "none", "Notification": kept["notification_id"]}
    at = datetime.fromisoformat(kept["kept_at"])
    return page([shown(kept["message"], channel=kept["channel"], at=at, facts=facts)], f"To {kept['target']}")


def _table(found: "list[KeptSummary]") -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("DELIVERY", no_wrap=True, min_width=36)
    for name in ("KEPT", "CHANNEL"):
        table.add_column(name, no_wrap=True)
    for name in ("TEMPLATE", "TO"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for one in found:
        at = local(one["kept_at"], "%m-%d %H:%M:%S")
        table.add_row(one["delivery_id"], at, one["channel"], one["template"] or "", Text(one_line(one["target"])))
    return table
