"""`crier identity`."""

import json
from collections.abc import Mapping
from typing import Any, cast

import click
from rich.table import Table
from rich.text import Text

from crier.cli.printable import one_line
from crier.cli.screen import screen
from crier.client import Client
from crier.errors import ApiProblem
from crier.request import Identity

# Option, where its value is in the API's document, and what it says. `sms.senders` has a value for each country.
FIELDS = (
    ("email-from", "email.from", "The address mails come from."),
    ("email-name", "email.name", "The name beside it."),
    ("reply-to", "email.reply_to", "Where answers to mails go."),
    ("sms-sender", "sms.senders", "Who SMS come from, by country; * for all others."),
    ("brand-name", "brand.name", "The product, as people call it."),
    ("accent", "brand.accent", "The colour of buttons: #0a7d5a."),
    ("accent-dark", "brand.accent_dark", "The same on a dark page."),
    ("logo-url", "brand.logo_url", "https address of a logo."),
    ("logo-dark-url", "brand.logo_dark_url", "The same for a dark page."),
    ("website", "brand.website", "https address of the product."),
    ("support-email", "brand.support_email", "Where a person answers."),
    ("postal-address", "brand.postal_address", "The sender's address on one line."),
    ("footer", "brand.footer", "A line at the foot of every mail."),
    ("locale", "brand.locale", "Language for those whose own is not known: de."),
)
SMS_SENDER = "sms-sender"
_PATHS = {name: path for name, path, _ in FIELDS}


@click.group()
def identity() -> None:
    """Say who a project's messages come from, and how its templates look.

    Of the project whose key this is. What it does not say is the installation's (CRIER_BRAND_…, the providers' own
    senders). A change is noticed everywhere within seconds.
    """


@identity.command(
    epilog="""\b
Examples:
  crier identity show
  crier identity show --json | jq -r .email.from
"""
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show(as_json: bool) -> None:
    """Show what the project says of itself."""
    _print(Client().identity(), as_json)


def _options(command: Any) -> Any:
    for name, _, what in reversed(FIELDS):
        if name == SMS_SENDER:
            option = click.option(f"--{name}", "senders", multiple=True, metavar="COUNTRY=SENDER", help=what)
        else:
            option = click.option(f"--{name}", help=what)
        command = option(command)
    return command


@identity.command(
    name="set",
    epilog="""\b
Examples:
  crier identity set --email-from hello@shop.example --email-name 'The Shop' --reply-to help@shop.example
  crier identity set --brand-name 'The Shop' --accent '#0a7d5a' --logo-url https://shop.example/logo.png
  crier identity set --sms-sender GB=Shop --sms-sender '*=+447700900000'
""",
)
@_options
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def set_fields(senders: tuple[str, ...], as_json: bool, **given: str | None) -> None:
    """Change what is given, and leave the rest as it is. Needs a key with the scope admin."""
    changed = {_PATHS[name.replace("_", "-")]: value for name, value in given.items() if value is not None}
    changed |= {f"{_PATHS[SMS_SENDER]}.{country}": sender for country, sender in map(_sender, senders)}
    if not changed:
        raise click.UsageError("Say what to change, e.g. --email-from hello@shop.example; see --help.")
    client = Client()
    whole = _flat(client.identity()) | changed
    _print(_change(client, whole), as_json)


@identity.command(
    epilog="""\b
Examples:
  crier identity clear reply-to accent
  crier identity clear sms-sender           all of them; sms-sender=GB one
  crier identity clear                      everything
"""
)
@click.argument("fields", nargs=-1, metavar="[FIELD]...")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def clear(fields: tuple[str, ...], as_json: bool) -> None:
    """Return a FIELD, named as the option that sets it, to what the installation has; without any, all of them."""
    gone = [_path(field) for field in fields]
    client = Client()
    whole = _flat(client.identity()) if fields else {}
    kept = {path: value for path, value in whole.items() if not any(f"{path}.".startswith(f"{one}.") for one in gone)}
    _print(_change(client, kept), as_json)


def _sender(given: str) -> tuple[str, str]:
    country, equals, sender = given.partition("=")
    if not equals or not country or not sender:
        raise click.UsageError(f"--{SMS_SENDER}: write COUNTRY=SENDER, e.g. GB=Shop or *=+447700900000, not {given!r}.")
    return country, sender


def _path(field: str) -> str:
    name, _, country = field.partition("=")
    if name not in _PATHS or (country and name != SMS_SENDER):
        raise click.UsageError(f"There is no {field}; there are {', '.join(_PATHS)}.")
    return f"{_PATHS[name]}.{country}" if country else _PATHS[name]


def _change(client: Client, whole: Mapping[str, str]) -> Identity:
    """Make it so; a refusal names the option instead of the field."""
    try:
        return client.set_identity(cast(Identity, _nested(whole)))
    except ApiProblem as error:
        if not error.errors:
            raise
        raise click.ClickException("\n".join(_said(field, problem) for field, problem in error.errors)) from error


def _said(field: str, problem: str) -> str:
    # The brand is checked as a whole: its own field begins the text.
    if field == "brand" and ": " in problem:
        name, _, problem = problem.partition(": ")
        field = f"brand.{name}"
    option = next((name for name, path in _PATHS.items() if f"{field}.".startswith(f"{path}.")), None)
    return f"--{option}: {problem}" if option else f"{field}: {problem}"


def _flat(found: Mapping[str, Any]) -> dict[str, str]:
    """By path: `email.from`, `sms.senders.GB`."""
    flat: dict[str, str] = {}
    for part, values in found.items():
        for name, value in values.items():
            inner = value if isinstance(value, Mapping) else {"": value}
            flat |= {f"{part}.{name}.{key}".rstrip("."): each for key, each in inner.items()}
    return flat


def _nested(flat: Mapping[str, str]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *above, last = path.split(".")
        below = nested
        for name in above:
            below = below.setdefault(name, {})
        below[last] = value
    return nested


def _print(found: Identity, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    rows = _flat(found)
    if not rows:
        screen().print("It says nothing of itself: everything is the installation's. `crier identity set --help`")
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, path, _ in FIELDS:
        for each in (one for one in rows if f"{one}.".startswith(f"{path}.")):
            country = each.removeprefix(path).removeprefix(".")
            table.add_row(f"{name} {country}".strip(), Text(one_line(rows[each])))
    screen().print(table)
