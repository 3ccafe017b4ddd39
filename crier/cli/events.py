"""`crier events`."""

import json
from itertools import islice
from typing import Any, cast, get_args

import click

from crier.cli.addressing import FORMS, channel_for, read_recipient
from crier.cli.content import CHANNELS, LANES, content_options, read_content
from crier.cli.data import read_data
from crier.cli.event_rows import show_event, table_of
from crier.cli.screen import screen
from crier.cli.values import moment
from crier.client import Client
from crier.events import State

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")
offset_option = click.option(
    "--offset", "offsets", multiple=True, metavar="HOW-LONG",
    help="How long before it a reminder is sent: 7d, 24h, 30m; may be repeated. [default: 24h and 2h]",
)  # fmt: skip
after_option = click.option(
    "--after", "after", multiple=True, metavar="HOW-LONG",
    help="How long after its end a follow-up is sent, to the same recipient; may be repeated.",
)  # fmt: skip
duration_option = click.option("--duration", metavar="HOW-LONG", help="How long it takes: 45m.")
skip_option = click.option("--skip-late", is_flag=True, help="Leave out reminders whose moment has passed already.")


@click.group()
def events() -> None:
    """Say what people are to be reminded of; move and cancel it.

    EVENT is its key or its id.
    """


@events.command(
    name="list",
    epilog="""\b
Examples:
  crier events list
  crier events list --before 2d
  crier events list --state cancelled --json | jq -r '.[].key'
""",
)
@click.option("--state", type=click.Choice(get_args(State)), default="scheduled", show_default=True, help="Only these.")
@click.option("--after", type=moment, help="Begin at or after this moment, or in so long: 2d.")
@click.option("--before", type=moment, help="Begin before this moment, or within so long: 2d.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@as_json_option
def list_events(state: str, after: str | None, before: str | None, limit: int, as_json: bool) -> None:
    """List events, the soonest first."""
    found = list(islice(Client().events.list(state=cast("State", state), after=after, before=before), limit))
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        screen().print(table_of(found))
    else:
        screen().print(f"There are no {state} events: `crier events create --help` says how one is made.")


@events.command(
    epilog="""\b
Example:
  crier events show booking-4711
"""
)
@click.argument("event")
@as_json_option
def show(event: str, as_json: bool) -> None:
    """Show EVENT and its reminders."""
    show_event(Client().events.get(event), as_json)


@events.command(
    epilog="""\b
Examples:
  crier events create booking-4711 --starts 2027-03-01T18:30 --timezone Europe/London \\
      --template appointment_reminder --to ada@example.com --data what=Haircut --data appointment_id=4711
  crier events create trip-12 --starts 2027-03-01T18:30:00Z --timezone Europe/London --offset 7d --offset 30m \\
      --to +447700900123 --body 'Your bus leaves soon.'
  crier events create booking-4712 --starts 2027-03-01T18:30 --timezone Europe/London --duration 45m \\
      --to +447700900123 --body 'See you at half past six.' --after 2h --after-template review_request \\
      --after-data what=Haircut --after-data place='Fringe & Sons' --after-data review_url=https://example.com/r/1

\b
A template that takes starts_at and timezone is told them: leave them out of --data; and visited_on of --after-data.
"""
)
@click.argument("key")
@click.option("--starts", required=True, metavar="TIME", help="On the clock of its zone; or a moment with its offset.")
@click.option("--timezone", required=True, help="An IANA time zone, e.g. Europe/London.")
@offset_option
@skip_option
@click.option("--replace", is_flag=True, help="Where there is an event of this key, make it this one.")
@click.option("--template", help="What each reminder sends; or content of your own.")
@click.option("--to", "recipients", multiple=True, required=True, metavar="WHOM", help=FORMS)
@click.option("--channel", type=click.Choice(CHANNELS), help="Where --to does not say it.")
@click.option("--data", "given", multiple=True, metavar="NAME=VALUE|@FILE.json", help="The template's variables.")
@content_options
@click.option("--lane", type=click.Choice(LANES), help="How urgent it is.")
@duration_option
@after_option
@click.option("--after-template", help="What each follow-up sends.")
@click.option("--after-data", multiple=True, metavar="NAME=VALUE|@FILE.json", help="That template's variables.")
@as_json_option
def create(
    *, key: str, starts: str, timezone: str, offsets: tuple[str, ...], skip_late: bool, replace: bool,
    template: str | None, recipients: tuple[str, ...], channel: str | None, given: tuple[str, ...], lane: str | None,
    duration: str | None, after: tuple[str, ...], after_template: str | None, after_data: tuple[str, ...],
    as_json: bool, **rest: Any,
) -> None:  # fmt: skip
    """Make an event of KEY, your own name for it, with reminders."""
    content = read_content(rest)
    if (template is None) == (content is None):
        raise click.UsageError("Give --template, or content: --subject and --text, --body, --title and --body.")
    if bool(after) != bool(after_template) or (after_data and not after):
        raise click.UsageError("--after says when a follow-up is sent, and --after-template what: give both.")
    to, client = read_recipient(recipients), Client()
    whom = {"to": to, "channel": channel or channel_for(to)}
    asked = {
        "template": template, "content": content, "data": _data(client, template, given) or None, "lane": lane,
    }  # fmt: skip
    notification = whom | {name: value for name, value in asked.items() if value is not None}
    follow_up = after_template and {
        "after": list(after),
        "notification": whom | {"template": after_template, "data": _data(client, after_template, after_data)},
    }
    make = client.events.put if replace else client.events.create
    made = make(
        key, starts_at=starts, timezone=timezone, notification=notification, offsets=list(offsets) or None,
        late="skip" if skip_late else None, duration=duration, follow_up=follow_up or None,
    )  # fmt: skip
    show_event(made, as_json)


def _data(client: Client, template: str | None, given: tuple[str, ...]) -> dict[str, Any]:
    return read_data(given, lambda: client.template(template)["variables"] if template else ())


@events.command(
    epilog="""\b
Examples:
  crier events move booking-4711 --starts 2027-03-02T10:00
  crier events move booking-4711 --starts 2027-03-02T10:00 --offset 1d --offset 2h --skip-late
"""
)
@click.argument("event")
@click.option("--starts", required=True, metavar="TIME", help="On the clock of its zone; or a moment with its offset.")
@click.option("--timezone", help="Where it is in another zone now.")
@offset_option
@skip_option
@duration_option
@as_json_option
def move(
    *, event: str, starts: str, timezone: str | None, offsets: tuple[str, ...], skip_late: bool, duration: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Have EVENT begin at another time. Its reminders and follow-ups move with it."""
    late = "skip" if skip_late else None
    moved = Client().events.change(
        event, starts_at=starts, timezone=timezone, offsets=list(offsets) or None, late=late, duration=duration
    )
    show_event(moved, as_json)


@events.command(
    epilog="""\b
Example:
  crier events cancel booking-4711
"""
)
@click.argument("event")
@as_json_option
def cancel(event: str, as_json: bool) -> None:
    """Cancel EVENT. No reminder of it is sent any more."""
    show_event(Client().events.cancel(event), as_json)


@events.command(
    name="no-show",
    epilog="""\b
Example:
  crier events no-show booking-4711
""",
)
@click.argument("event")
@as_json_option
def no_show(event: str, as_json: bool) -> None:
    """Say that nobody came to EVENT. No follow-up of it is sent any more."""
    show_event(Client().events.no_show(event), as_json)
