"""`crier recipients`."""

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, cast, get_args

import click
from rich.table import Table
from rich.text import Text

from crier.cli.printable import one_line
from crier.cli.screen import screen
from crier.client import Client
from crier.encoding import given
from crier.recipients import Channel, Choice

if TYPE_CHECKING:
    from crier.answers import Preferences, StoredRecipient

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def recipients() -> None:
    """Store people with their addresses; say what they want, and when they are left in peace."""


@recipients.command(
    name="set",
    epilog="""\b
Examples:
  crier recipients set u_1 --email ada@example.com --phone +442079460018 --timezone Europe/London
  crier recipients set u_1 --locale de
  crier recipients set u_1 --quiet 20:00-09:30        their own, by their time zone; --quiet off for none
""",
)
@click.argument("user")
@click.option("--name", help="Their name.")
@click.option("--email", help="Their address.")
@click.option("--phone", help="Their number, in international form.")
@click.option("--locale", help="Their language, e.g. en-GB.")
@click.option("--timezone", help="Their time zone, e.g. Europe/London.")
@click.option("--quiet", metavar="FROM-UNTIL|off|project", help="Their own quiet hours.")
@click.option("--replace", is_flag=True, help="Forget what is not said here.")
@as_json_option
def set_recipient(*, user: str, quiet: str | None, replace: bool, as_json: bool, **profile: str | None) -> None:
    """Store USER, or something anew of them. An empty value forgets a field."""
    said: dict[str, Any] = {name: value or None for name, value in profile.items() if value is not None}
    if quiet is not None:
        said["quiet_hours"] = _window(quiet)
    client = Client()
    is_known = not replace and any(one["user_id"] == user for one in islice(client.recipients.list(prefix=user), 1))
    stored = client.recipients.change(user, **said) if is_known else client.recipients.put(user, **said)
    _show(stored, as_json)


@recipients.command(
    epilog="""\b
Example:
  crier recipients show u_1
"""
)
@click.argument("user")
@as_json_option
def show(user: str, as_json: bool) -> None:
    """Show USER as they are stored."""
    _show(Client().recipients.get(user), as_json)


@recipients.command(
    name="list",
    epilog="""\b
Examples:
  crier recipients list
  crier recipients list u_        whose ids begin so
  crier recipients list --email ada@example.com
""",
)
@click.argument("prefix", required=False)
@click.option("--email", help="Only with this address.")
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1), help="How many at most.")
@as_json_option
def list_recipients(prefix: str | None, email: str | None, limit: int, as_json: bool) -> None:
    """List recipients by their ids; those that begin with PREFIX."""
    found = list(islice(Client().recipients.list(prefix=prefix, email=email), limit))
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        screen().print(_table(found))
    else:
        screen().print("Nobody like that is stored: `crier recipients set` stores somebody.")


@recipients.command(
    name="import",
    epilog="""\b
Examples:
  crier recipients import people.csv        columns: user_id, email, phone, name, locale, timezone, quiet_hours, …
  crier recipients import people.ndjson
""",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@as_json_option
@click.pass_context
def import_recipients(context: click.Context, file: str, as_json: bool) -> None:
    """Store everybody in FILE, CSV or NDJSON. The same file again changes nothing. Ends with 1 if rows were refused."""
    found = Client().recipients.store_file(file)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        screen().print(f"{found['stored']} stored, {found['new']} of them new; {found['refused']} refused.")
        for error in found["errors"]:
            screen().print(Text(one_line(f"line {error['row']}, {error['field']}: {error['problem']}"), style="red"))
    context.exit(1 if found["refused"] else 0)


@recipients.command(
    epilog="""\b
Example:
  crier recipients remove u_1
"""
)
@click.argument("user")
def remove(user: str) -> None:
    """Forget USER. What they want, and their devices, stay."""
    Client().recipients.remove(user)
    screen().print(Text(f"{one_line(user)} is forgotten."))


@recipients.command(
    epilog="""\b
Examples:
  crier recipients preferences u_1
  crier recipients preferences u_1 --no newsletter --no :sms        nothing of one, nothing by the other
  crier recipients preferences u_1 --yes booking_updates:sms        but this
  crier recipients preferences u_1 --forget newsletter
"""
)
@click.argument("user")
@click.option("--yes", multiple=True, metavar="WHAT", help="Wanted: CATEGORY, CATEGORY:CHANNEL, :CHANNEL or all.")
@click.option("--no", multiple=True, metavar="WHAT", help="Not wanted.")
@click.option("--forget", multiple=True, metavar="WHAT", help="As if nothing had been said.")
@as_json_option
def preferences(user: str, yes: tuple[str, ...], no: tuple[str, ...], forget: tuple[str, ...], as_json: bool) -> None:
    """Show what USER wants, and what holds; or say it for them. What says most decides."""
    said = [_choice(what, wanted) for words, wanted in ((yes, True), (no, False), (forget, None)) for what in words]
    client = Client()
    found = client.recipients.change_preferences(user, said) if said else client.recipients.preferences(user)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _show_preferences(found)


@recipients.command(
    epilog="""\b
Example:
  crier recipients link u_1        for an SMS, or an app
"""
)
@click.argument("user")
def link(user: str) -> None:
    """Make a link to the page where USER says what they want, without a login. Give it to them alone."""
    click.echo(Client().recipients.preferences_link(user))


def _choice(what: str, wanted: bool | None) -> Choice:
    category, _, channel = ("", "", "") if what == "all" else what.partition(":")
    if channel and channel not in get_args(Channel):
        raise click.UsageError(f"{what}: after the colon stands a channel: {', '.join(get_args(Channel))}.")
    return {"category": category or None, "channel": cast("Channel | None", channel or None), "wanted": wanted}


def _window(text: str) -> Any:
    if text == "project":
        return None
    if text == "off":
        return "off"
    begins, dash, ends = text.partition("-")
    if not dash:
        raise click.UsageError("--quiet: write hours as 22:00-08:00; `off` for none, `project` for the project's.")
    return {"from": begins.strip(), "until": ends.strip()}


def _hours(found: Any) -> str | None:
    return f"{found['from']} to {found['until']}" if isinstance(found, dict) else found


def _show(found: "StoredRecipient", as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    rows = {
        "id": found["user_id"], "name": found["name"], "email": found["email"], "phone": found["phone"],
        "language": found["locale"], "time zone": found["timezone"], "quiet hours": _hours(found["quiet_hours"]),
        "metadata": json.dumps(found["metadata"], ensure_ascii=False) if found["metadata"] else None,
    }  # fmt: skip
    for name, value in given(rows).items():
        table.add_row(name, Text(one_line(value)))
    screen().print(table)


def _table(found: "list[StoredRecipient]") -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("ID", "NAME", "EMAIL", "PHONE", "LANGUAGE", "TIME ZONE"):
        table.add_column(name, overflow="fold")
    for one in found:
        row = (one["user_id"], one["name"], one["email"], one["phone"], one["locale"], one["timezone"])
        table.add_row(*(Text(one_line(value or "")) for value in row))
    return table


def _show_preferences(found: "Preferences") -> None:
    channels = get_args(Channel)
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("CATEGORY", *(channel.upper() for channel in channels)):
        table.add_column(name, overflow="fold")
    holds = {(one["category"], one["channel"]): one for one in found["holds"]}
    for category in dict.fromkeys(one["category"] for one in found["holds"]):
        cells = [holds[category, channel] for channel in channels]
        words = ["always" if one["required"] else "yes" if one["wanted"] else "no" for one in cells]
        table.add_row(
            Text(one_line(category or "(none)")),
            *(Text(word, style="red" if word == "no" else "green") for word in words),
        )
    screen().print(table)
    for why in dict.fromkeys(one["why"] for one in found["holds"] if one["why"]):
        screen().print(Text(one_line(why), style="italic"))
