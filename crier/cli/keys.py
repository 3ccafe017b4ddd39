"""`crier keys`."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from crier.cli.ledger import ledger
from crier.cli.printable import one_line
from crier.cli.screen import screen
from crier.cli.values import duration

if TYPE_CHECKING:
    from shared.ledger.keys import KeyRow

SCOPES = ("send", "read", "admin")


@click.group()
def keys() -> None:
    """Make, list and end API keys.

    Works on the ledger itself: that of CRIER_DATABASE_URL, or of `crier up`.
    """


@keys.command(
    epilog="""\b
Examples:
  crier keys create --name website
  crier keys create --project shop --name dashboard --scope read
  export CRIER_API_KEY=$(crier keys create --name ci --expires-in 30d)
"""
)
@click.option("--project", default="default", show_default=True, help="Whose it is; made when there is none.")
@click.option("--name", default="default", show_default=True, help="What it is for, as the list shows it.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="What it may do; by default send, read."
)
@click.option("--expires-in", type=duration, help="It ends by itself after so long: 30d.")
def create(project: str, name: str, scopes: tuple[str, ...], expires_in: timedelta | None) -> None:
    """Make a key and print it.

    It is shown this once: the ledger keeps only a hash.
    """
    from shared.ledger.keys import Keys

    if not project.strip():
        raise click.UsageError("--project: give it a name.")
    expires_at = datetime.now(UTC) + expires_in if expires_in else None
    with ledger() as database:
        key = Keys(database).create(project, name=name, scopes=scopes or ("send", "read"), expires_at=expires_at)
    click.echo(key)
    click.echo("Keep it: it is shown this once. Clients read it from CRIER_API_KEY.", err=True)


@keys.command(
    name="list",
    epilog="""\b
Examples:
  crier keys list
  crier keys list --json
""",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_keys(as_json: bool) -> None:
    """List keys.

    A key is known by its prefix, the part between its first two underscores; the rest is kept nowhere.
    """
    from shared.ledger.keys import Keys

    with ledger() as database:
        found = Keys(database).every()
    if as_json:
        click.echo(json.dumps([asdict(row) for row in found], indent=2, default=str))
    elif found:
        screen().print(_table(found))
    else:
        screen().print("There are no keys: `crier keys create` makes one.")


@keys.command(
    epilog="""\b
Examples:
  crier keys revoke 3f9c2a71d0
  crier keys revoke 3f9c2a71d0 --overlap 1h       while its successor is rolled out
"""
)
@click.argument("prefix")
@click.option("--overlap", type=duration, default="0s", show_default=True, help="It still works for so long.")
def revoke(prefix: str, overlap: timedelta) -> None:
    """End a key.

    A gateway may believe it for two more seconds.
    """
    from shared.ledger.keys import Keys

    # The whole key is what people have at hand.
    prefix = prefix.split("_")[1] if prefix.startswith("crier_") else prefix
    with ledger() as database:
        Keys(database).revoke(prefix, overlap=overlap.total_seconds())
    click.echo(f"Ended: {prefix}." if not overlap else f"{prefix} ends in {overlap}.")


@keys.command(
    epilog="""\b
Example:
  export CRIER_SECRET_KEY=$(crier keys secret)
  export CRIER_SECRET_KEY=$(crier keys secret),$CRIER_SECRET_KEY      a new one in front; the old still decrypt
"""
)
def secret() -> None:
    """Print a new CRIER_SECRET_KEY.

    It encrypts one-time codes as long as they wait.
    """
    from shared.crypto import new_key

    click.echo(new_key())


def _table(rows: "list[KeyRow]") -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("PREFIX", "PROJECT", "NAME", "MAY", "MADE", "ENDS"):
        table.add_column(name)
    now = datetime.now(UTC)
    for row in rows:
        ended = row.expires_at is not None and row.expires_at <= now
        ends = "ended" if ended else f"{row.expires_at.astimezone():%Y-%m-%d %H:%M}" if row.expires_at else "never"
        table.add_row(
            row.prefix, Text(one_line(row.project)), Text(one_line(row.name)), ", ".join(row.scopes),
            f"{row.created_at.astimezone():%Y-%m-%d %H:%M}", Text(ends, style="dim" if ended else ""),
            style="dim" if ended else None,
        )  # fmt: skip
    return table
