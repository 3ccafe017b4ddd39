"""`crier schedules`."""

import json
from itertools import islice
from typing import Any, cast, get_args

import click

from crier.cli.addressing import FORMS, channel_for, read_recipient
from crier.cli.content import CHANNELS, LANES, content_options, read_content
from crier.cli.data import read_data
from crier.cli.schedule_rows import show_schedule, table_of
from crier.cli.screen import screen
from crier.cli.values import json_file, moment
from crier.client import Client
from crier.encoding import given
from crier.schedules import Misfire, State

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def schedules() -> None:
    """Send later, at intervals or by cron, and see what became of it."""


@schedules.command(
    epilog="""\b
Examples:
  crier schedules create morning-report --cron '0 9 * * mon-fri' --timezone Europe/London --request @report.json
  crier schedules create line-12 --every 30m --misfire skip --to topic:line-12 --title 'Line 12' --body 'It runs.'
  crier schedules create christmas-eve --at 2030-12-24T18:00:00+01:00 --to +447700900123 --body 'Merry Christmas!'
  crier schedules create welcome-back --at 3d --template welcome --to ada@example.com --data @ada.json
"""
)
@click.argument("name")
@click.option("--at", type=moment, help="Once, at this moment, or in so long: 3d.")
@click.option("--every", metavar="30m|2h|1d", help="Again and again, so far apart: 60s at least.")
@click.option("--cron", metavar="EXPRESSION", help="Minute, hour, day of the month, month, weekday: '0 9 * * mon-fri'.")
@click.option("--timezone", help="Whose clocks --cron means, e.g. Europe/London. [default: UTC]")
@click.option("--start-at", type=moment, help="Not before this moment, or in so long.")
@click.option("--end-at", type=moment, help="Never after this moment, or in so long.")
@click.option("--request", "file", metavar="@FILE.json", help="All that is sent, as POST /v1/notifications takes it.")
@click.option("--template", help="The template to send.")
@click.option("--to", "recipients", multiple=True, metavar="WHOM", help=FORMS)
@click.option("--channel", type=click.Choice(CHANNELS), help="Where --to does not say it.")
@click.option("--data", "variables", multiple=True, metavar="NAME=VALUE|@FILE.json", help="The template's variables.")
@content_options
@click.option("--lane", type=click.Choice(LANES), help="How urgent it is.")
@click.option("--misfire", type=click.Choice(get_args(Misfire)), help="What to do with missed times. [default: once]")
@click.option(
    "--misfire-grace", type=click.IntRange(1, 86_400), metavar="SECONDS", help="Later is missed. [default: 60]"
)
@click.option("--idempotency-key", help="The same schedule under the same key is made once; write its moments out.")
@as_json_option
def create(
    *, name: str, at: str | None, every: str | None, cron: str | None, timezone: str | None, start_at: str | None,
    end_at: str | None, file: str | None, misfire: str | None, misfire_grace: int | None,
    idempotency_key: str | None, as_json: bool, **rest: Any,
) -> None:  # fmt: skip
    """Make a schedule called NAME, and check at once what it sends."""
    if sum(one is not None for one in (at, every, cron)) != 1:
        raise click.UsageError("Say when: one of --at, --every and --cron.")
    trigger = {"at": at, "every": every, "cron": cron, "timezone": timezone, "start_at": start_at, "end_at": end_at}
    client = Client()
    made = client.schedules.create(
        name,
        trigger=given(trigger),
        request=_request(client, file, rest),
        misfire=cast("Misfire | None", misfire),
        misfire_grace=misfire_grace,
        idempotency_key=idempotency_key,
    )
    show_schedule(made, as_json)


def _request(client: Client, file: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """What is to be sent, from a file or from the options of `crier send`."""
    recipients, template, variables = (options.pop(name) for name in ("recipients", "template", "variables"))
    content = read_content(options)
    if file is not None:
        if recipients or template or content or variables or any(options.values()):
            raise click.UsageError("--request is all that is sent: leave out --to, --template and what it says.")
        if not file.startswith("@"):
            raise click.UsageError("--request: name a file with an @ before it: --request @request.json.")
        return json_file("--request", file[1:])
    if not recipients or (template is None) == (content is None):
        raise click.UsageError(
            "Say what is sent: --to with --template or with content (--subject and --text, --body, --title and "
            "--body); or --request @FILE.json."
        )
    to = read_recipient(recipients)
    data = read_data(variables, lambda: client.template(template)["variables"] if template else ())
    channel = options["channel"] or channel_for(to)
    asked = {"to": to, "channel": channel, "template": template, "content": content, "data": data or None}
    return given({**asked, "lane": options["lane"]})


@schedules.command(
    name="list",
    epilog="""\b
Examples:
  crier schedules list
  crier schedules list --state paused
  crier schedules list --json | jq -r '.[] | .next_fire_at'
""",
)
@click.option("--state", type=click.Choice(get_args(State)), help="Only these.")
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1), help="How many at most.")
@as_json_option
def list_schedules(state: str | None, limit: int, as_json: bool) -> None:
    """List schedules, newest first."""
    found = list(islice(Client().schedules.list(state=cast("State | None", state)), limit))
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        screen().print(table_of(found))
    else:
        screen().print("There are no schedules like that: `crier schedules create` makes one.")


@schedules.command(
    epilog="""\b
Example:
  crier schedules show 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f
"""
)
@click.argument("schedule")
@as_json_option
def show(schedule: str, as_json: bool) -> None:
    """Show SCHEDULE, by its id: its next five times, and what became of the last ten."""
    show_schedule(Client().schedules.get(schedule), as_json)


@schedules.command(
    epilog="""\b
Example:
  crier schedules pause 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f
"""
)
@click.argument("schedule")
@as_json_option
def pause(schedule: str, as_json: bool) -> None:
    """Let SCHEDULE fire no more until it is resumed."""
    show_schedule(Client().schedules.pause(schedule), as_json)


@schedules.command(
    epilog="""\b
Example:
  crier schedules resume SCHEDULE        what was due while it was paused is not made up for
"""
)
@click.argument("schedule")
@as_json_option
def resume(schedule: str, as_json: bool) -> None:
    """Let SCHEDULE fire again, from its next time on."""
    show_schedule(Client().schedules.resume(schedule), as_json)


@schedules.command(
    epilog="""\b
Example:
  crier schedules delete 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f
"""
)
@click.argument("schedule")
def delete(schedule: str) -> None:
    """Delete SCHEDULE. What it sent stays."""
    Client().schedules.delete(schedule)
    screen().print("Deleted.")
