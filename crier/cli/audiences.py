"""`crier audiences`."""

import csv
import json
from itertools import islice
from pathlib import Path
from typing import TextIO, cast, get_args
from uuid import uuid4

import click
from rich.table import Table
from rich.text import Text

from crier.campaigns import UniqueBy
from crier.cli.batch_report import refused_rows
from crier.cli.printable import one_line
from crier.cli.progress import uploading
from crier.cli.screen import screen
from crier.cli.timeline import local, target_of
from crier.client import Client
from crier.errors import ApiProblem, GatewayUnreachable
from crier.upload import SUFFIXES

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def audiences() -> None:
    """Upload lists of people, and see who is on them."""


@audiences.command(
    epilog="""\b
Examples:
  crier audiences upload guests.csv --name guests
  crier audiences upload guests.ndjson --name guests --unique-by email --left-out doubles.csv

\b
A CSV file begins with a header: email, phone, user_id, name, locale, timezone, and variables of templates:
  email,name,timezone,city
  ada@example.com,Ada,Europe/London,London
Each person is on the list once: what doubles an earlier row is left out, and told. Ends with 1 when a row was refused.
"""
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="What it is called.")
@click.option(
    "--unique-by", type=click.Choice(get_args(UniqueBy)), help="What makes a row one person. [default: person]"
)
@click.option("--idempotency-key", help="Completes an upload that broke off.")
@click.option(
    "--left-out", type=click.File("w", "utf-8", lazy=False), help="Write rows that are no members here (CSV)."
)
@as_json_option
def upload(
    *, file: Path, name: str, unique_by: str | None, idempotency_key: str | None, left_out: TextIO | None, as_json: bool
) -> None:  # fmt: skip
    """Make an audience of a CSV or NDJSON FILE."""
    if file.suffix.lower() not in SUFFIXES:
        raise click.UsageError(f"{file.name}: the name must end in {', '.join(SUFFIXES)}.")
    client, console, key = Client(), screen(stderr=as_json), idempotency_key or str(uuid4())
    complete = f"To complete it, type the same again with --idempotency-key {key}."
    try:
        with uploading(file.name, console) as progress:
            made = client.audiences.upload(
                file, name=name, unique_by=cast("UniqueBy | None", unique_by), idempotency_key=key, progress=progress
            )
    except KeyboardInterrupt:
        console.print(f"\nThe upload was interrupted. {complete}")
        raise SystemExit(130) from None
    except ApiProblem as error:
        if error.status < 500:
            raise
        raise click.ClickException(f"{error} {complete}") from error
    except GatewayUnreachable as error:
        raise click.ClickException(f"{error}\n{complete}") from error
    if left_out:
        writer = csv.DictWriter(left_out, ("row", "field", "problem", "doubles"), lineterminator="\n")
        writer.writeheader()
        writer.writerows(client.audiences.left_out(made["id"]))
    if as_json:
        click.echo(json.dumps(made, indent=2))
    else:
        console.print(f"Audience [bold]{made['id']}[/]", highlight=False)
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right")
        table.add_row(str(made["members"]), Text("members"))
        table.add_row(str(made["duplicates"]), Text("rows of somebody who is on the list already"))
        table.add_row(str(made["refused"]), Text("rows refused", style="red" if made["refused"] else ""))
        console.print(table)
        if made["errors"]:
            console.print("", refused_rows(made["errors"][:20]), sep="\n")
    if not made["complete"]:
        raise click.ClickException(f"The file could not be read to its end. Mend it. {complete}")
    if made["refused"]:
        raise click.exceptions.Exit(1)


@audiences.command(
    name="list",
    epilog="""\b
Example:
  crier audiences list
""",
)
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1), help="How many at most.")
@as_json_option
def list_audiences(limit: int, as_json: bool) -> None:
    """List audiences, newest first."""
    found = list(islice(Client().audiences.list(), limit))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        screen().print("There are no audiences: `crier audiences upload` makes one.")
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("ID", "MEMBERS", "MADE", "NAME"):
        table.add_column(
            name, overflow="fold", no_wrap=name != "NAME", justify="right" if name == "MEMBERS" else "left"
        )
    for one in found:
        members = str(one["members"]) if one["closed_at"] else "loading"
        table.add_row(one["id"], members, local(one["created_at"], "%Y-%m-%d %H:%M"), Text(one_line(one["name"])))
    screen().print(table)


@audiences.command(
    epilog="""\b
Example:
  crier audiences members 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f -n 5
"""
)
@click.argument("audience")
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1), help="How many at most.")
@as_json_option
def members(audience: str, limit: int, as_json: bool) -> None:
    """Show who is in AUDIENCE, by its id."""
    found = list(islice(Client().audiences.members(audience), limit))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("ROW", "WHO", "DATA"):
        table.add_column(name, overflow="fold", justify="right" if name == "ROW" else "left")
    for one in found:
        data = one_line(json.dumps(one["data"], ensure_ascii=False)) if one["data"] else ""
        table.add_row(str(one["number"]), Text(target_of(one["to"])), Text(data))
    screen().print(table)


@audiences.command(
    epilog="""\b
Example:
  crier audiences delete 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f
"""
)
@click.argument("audience")
def delete(audience: str) -> None:
    """Delete AUDIENCE, which no campaign needs any more."""
    Client().audiences.delete(audience)
    screen().print("Deleted.")
