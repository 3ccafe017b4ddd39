"""`crier templates`."""

import json
import tempfile
from pathlib import Path

import click

from crier.cli.data import read_data
from crier.cli.previews import panels, write_files
from crier.cli.screen import screen
from crier.cli.template_folder import complaints, read_template
from crier.cli.template_pages import describe, listing
from crier.client import Client
from crier.errors import ApiProblem
from shared.errors import TemplateError


@click.group()
def templates() -> None:
    """List, show, preview and add templates."""


@templates.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_templates(as_json: bool) -> None:
    """List the templates this key's project can use."""
    found = Client().templates()
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        screen().print(listing(found))
    else:
        screen().print("There are none: `crier templates push FOLDER` adds one.")


@templates.command(
    epilog="""\b
Examples:
  crier templates show booking_confirmation
  crier templates show booking_confirmation --json | jq .sample > booking.json
"""
)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="For programs; with every file.")
def show(name: str, as_json: bool) -> None:
    """Show a template: its channels, the variables it takes, and sample data."""
    found = Client().template(name)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        screen().print(describe(found))


@templates.command(
    epilog="""\b
Examples:
  crier templates preview booking_confirmation
  crier templates preview booking_confirmation --data guests=2 --locale ar --open
  crier templates preview payment_receipt --data @receipt.json --out ./preview
"""
)
@click.argument("name")
@click.option(
    "--data", "given", multiple=True, metavar="NAME=VALUE|@FILE.json", help="Laid over the template's sample."
)
@click.option("--name", "recipient_name", help="The recipient's name.")
@click.option("--locale", help="The recipient's language, e.g. de or pt-BR: the variant in it, if there is one.")
@click.option("--timezone", help="The recipient's time zone, e.g. Europe/Berlin.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write html, txt and pdf files there.")
@click.option("--open", "opens", is_flag=True, help="Open the mail in a browser.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def preview(
    *, name: str, given: tuple[str, ...], recipient_name: str | None, locale: str | None, timezone: str | None,
    out: Path | None, opens: bool, as_json: bool,
) -> None:  # fmt: skip
    """Show what a template makes of data, in every channel it has."""
    client = Client()
    template = client.template(name)
    data = {**template["sample"], **read_data(given, lambda: template["variables"])}
    recipient = {"name": recipient_name, "timezone": timezone}
    known = {field: value for field, value in recipient.items() if value}
    made = client.preview(name, data=data, recipient=known, locale=locale)
    if as_json:
        click.echo(json.dumps(made, indent=2))
    elif not out and not opens:
        screen().print(panels(made))
    if out or opens:
        # Kept: the browser reads it after this process has ended.
        written = write_files(made, out or Path(tempfile.mkdtemp(prefix=f"crier-{name}-")))
        for path in written:
            click.echo(path, err=as_json)
        if opens:
            click.launch(written[0].absolute().as_uri())


@templates.command(
    epilog="""\b
Examples:
  crier templates push ./templates/welcome
  crier templates push ./templates/*/          those that have not changed get no new version

\b
A folder is a template, its name the template's: template.toml with the variables, and the files of a channel or more
(email.subject.txt, email.body.txt, email.body.html, sms.body.txt, whatsapp.body.txt, push.title.txt, push.body.txt).
A folder inside it is a variant in another language, named by it: de/email.subject.txt, pt-BR/sms.body.txt.
What it uses of a folder _layout beside it goes along.
"""
)
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
def push(folders: tuple[Path, ...]) -> None:
    """Add a version of each template in FOLDERS; new notifications use it from then on."""
    client, failed = Client(), 0
    before = {template["name"]: template["version"] for template in client.templates()}
    for folder in (folder for folder in folders if not folder.absolute().name.startswith("_")):
        name = folder.absolute().name
        try:
            added = client.put_template(name, read_template(folder))
        except (ApiProblem, TemplateError) as error:
            failed += 1
            click.echo("\n".join(complaints(folder, error)), err=True)
        else:
            is_new = before.get(name) != added["version"]
            click.echo(f"{name}@{added['version']}{'' if is_new else ' (unchanged)'}")
    if failed:
        raise click.exceptions.Exit(1)
