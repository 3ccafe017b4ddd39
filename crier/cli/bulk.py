"""`crier bulk`."""

import json
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID, uuid4

import click
from rich.console import Console

from crier.answers import Batch, BulkReceipt
from crier.cli.batch_report import is_all_well, show_batch, write_errors
from crier.cli.content import CHANNELS, KINDS, LANES, POLICIES
from crier.cli.data import read_data
from crier.cli.progress import followed, uploading
from crier.cli.screen import screen
from crier.cli.values import json_file, moment, pairs
from crier.client import Client
from crier.errors import ApiProblem, GatewayUnreachable
from crier.upload import SUFFIXES


@click.command(
    epilog="""\b
Examples:
  crier bulk guests.csv --template booking_confirmation --channel email
  crier bulk guests.ndjson --template trip_delay --channel sms --data trip='Coach 204' --lane critical
  crier bulk --batch 0198c0de-0000-7000-8000-000000000000
  crier bulk --batch 0198c0de-0000-7000-8000-000000000000 --errors refused.csv

\b
A CSV file begins with a header: email, phone, user_id, name, locale, timezone, and the template's variables:
  email,name,what,reference,starts_at
  ada@example.com,Ada,Dinner,LM-4821,2027-03-14T19:30:00+00:00
An NDJSON file has a recipient a line: {"to": {"email": "ada@example.com"}, "data": {…}}

\b
Good rows are accepted whatever the others are. Ends with 1 when a row was refused or a delivery failed.
"""
)
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--template", help="What everybody is sent.")
@click.option("--content", metavar="@FILE.json", help="The same, instead of a template.")
@click.option("--kind", type=click.Choice(KINDS), help="What --content is; a template says it of itself.")
@click.option("--category", help="What --content is about, of which people choose.")
@click.option("--channel", type=click.Choice(CHANNELS), help="Where the template has more than one.")
@click.option(
    "--data", "given", multiple=True, metavar="NAME=VALUE|@FILE.json", help="Variables that every row shares."
)
@click.option("--lane", type=click.Choice(LANES), help="How urgent it is.")
@click.option("--send-at", type=moment, help="Not before this moment, or in so long: 10m.")
@click.option("--expires-at", type=moment, help="Never after this moment, or so long from now.")
@click.option("--on-unknown", type=click.Choice(POLICIES), help="When nobody knows whether one was sent.")
@click.option("--metadata", multiple=True, metavar="NAME=VALUE", help="Strings of your own, given back with each.")
@click.option("--idempotency-key", help="Completes an upload that broke off; nothing is sent twice.")
@click.option("--no-wait", is_flag=True, help="Return once the rows are accepted.")
@click.option("--batch", type=click.UUID, metavar="ID", help="Look again at an earlier one, instead of sending a file.")
@click.option("--errors", type=click.File("w", "utf-8", lazy=False), help="Write every refused row to this file (CSV).")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def bulk(
    *, file: Path | None, batch: UUID | None, no_wait: bool, errors: TextIO | None, as_json: bool, **request: Any
) -> None:  # fmt: skip
    """Send to everybody in a CSV or NDJSON FILE, and show how far it is."""
    if (file is None) == (batch is None):
        raise click.UsageError("Give a FILE to send, or --batch to look at an earlier one.")
    console = screen(stderr=as_json)
    client = Client()
    is_complete = True
    if file is not None:
        receipt = _upload(client, file, _request(client, file, request), console)
        batch_id, is_complete = receipt["batch_id"], receipt["complete"]
    else:
        batch_id = str(batch)
    progress = _follow(client, batch_id, console) if is_complete and not no_wait else client.batch(batch_id)
    if errors:
        write_errors(client.batch_errors(batch_id), errors)
    if as_json:
        click.echo(json.dumps(progress, indent=2))
    else:
        show_batch(progress, client.batch_errors(batch_id), console)
    if not is_complete or not is_all_well(progress):
        raise click.exceptions.Exit(1)


def _request(client: Client, file: Path, options: dict[str, Any]) -> dict[str, Any]:
    """What every row shares, as the client takes it."""
    if file.suffix.lower() not in SUFFIXES:
        raise click.UsageError(f"{file.name}: the name must end in {', '.join(SUFFIXES)}.")
    template, content = options["template"], options.pop("content")
    if (template is None) == (content is None):
        raise click.UsageError("Say what is sent: --template, or --content @FILE.json.")
    if content is not None:
        options["content"] = json_file("--content", content.removeprefix("@"))
    given = options.pop("given")
    declared = client.template(template) if template and (given or not options["channel"]) else None
    if not options["channel"]:
        channels = declared["channels"] if declared else CHANNELS
        if len(channels) > 1:
            raise click.UsageError(f"{template or '--content'} can be sent by {', '.join(channels)}: say --channel.")
        options["channel"] = channels[0]
    options["data"] = read_data(given, lambda: declared["variables"] if declared else ()) or None
    options["metadata"] = pairs("--metadata", options["metadata"]) or None
    return options


def _upload(client: Client, file: Path, request: dict[str, Any], console: Console) -> BulkReceipt:
    key = request.pop("idempotency_key") or str(uuid4())
    # What was counted from now would be another request, which a key refuses.
    moments = [f" --{name.replace('_', '-')} {request[name]}" for name in ("send_at", "expires_at") if request[name]]
    options = f"--idempotency-key {key}{''.join(moments)}"
    complete = f"To complete it, type the same again with {options}: nothing is sent twice."
    try:
        with uploading(file.name, console) as progress:
            receipt = client.bulk(file, idempotency_key=key, progress=progress, **request)
    except KeyboardInterrupt:
        console.print(f"\nThe upload was interrupted. {complete}")
        raise SystemExit(130) from None
    except ApiProblem as error:
        if error.status < 500:
            raise
        raise click.ClickException(f"{error} {complete}") from error
    except GatewayUnreachable as error:
        raise click.ClickException(f"{error}\nWhat it had received by then may be accepted. {complete}") from error
    if receipt["replayed"]:
        console.print("This file was accepted before under this key; nothing was added.", style="dim")
    if not receipt["complete"]:
        console.print(f"The file could not be read to its end. Mend it; rows up to there are accepted. Key: {key}")
    return receipt


def _follow(client: Client, batch_id: str, console: Console) -> Batch:
    try:
        return followed(client, batch_id, console)
    except KeyboardInterrupt:
        console.print(f"It goes on without us. To look again: crier bulk --batch {batch_id}", style="dim")
        raise SystemExit(130) from None
