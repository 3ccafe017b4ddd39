"""`crier campaigns`."""

import json
import math
from itertools import islice
from typing import Any, cast, get_args

import click

from crier.campaigns import State
from crier.cli.campaign_rows import show_campaign, show_dry_run, table_of, watched
from crier.cli.content import CHANNELS, KINDS, LANES, content_options, read_content
from crier.cli.data import read_data
from crier.cli.screen import screen
from crier.cli.values import json_file, moment
from crier.client import Client
from crier.encoding import given

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def campaigns() -> None:
    """Send to everybody on a list: try it, release it, pause it, and see how far it is."""


@campaigns.command(
    epilog="""\b
Examples:
  crier campaigns create 'Spring menu' --audience guests --channel email --template promotion --throttle 600/m
  crier campaigns create Sunday --audience guests --channel sms --body 'We are open on Sunday.' --send-at 2h
  crier campaigns create Sunday --audience guests --channel sms --body 'Open today.' --local 2030-03-28T09:00 \\
      --timezone Europe/London --past skip
"""
)
@click.argument("name")
@click.option("--audience", required=True, help="Whom it goes to: its name, or its id.")
@click.option("--channel", type=click.Choice(CHANNELS), required=True, help="By which it is sent.")
@click.option("--template", help="The template to send.")
@click.option("--data", "variables", multiple=True, metavar="NAME=VALUE|@FILE.json", help="Variables for everybody.")
@content_options
@click.option("--kind", type=click.Choice(KINDS), help="What content is; a template says it of itself.")
@click.option("--request", "file", metavar="@FILE.json", help="All of this, as the API takes it.")
@click.option("--lane", type=click.Choice(LANES), help="How urgent it is. [default: bulk]")
@click.option("--throttle", metavar="100/s|600/m|5000/h", help="At most so many messages.")
@click.option("--send-at", type=moment, help="Not before this moment, or in so long: 2h.")
@click.option("--local", "at", metavar="2030-03-28T09:00", help="Instead: when clocks show it where they are.")
@click.option("--timezone", help="With --local: of those who have none of their own.")
@click.option(
    "--past", type=click.Choice(["send", "skip"]), help="With --local: whose time has passed. [default: send]"
)
@click.option("--idempotency-key", help="The same campaign under the same key is made once.")
@as_json_option
def create(
    *, name: str, audience: str, channel: str, throttle: str | None, send_at: str | None, at: str | None,
    timezone: str | None, past: str | None, idempotency_key: str | None, as_json: bool, **rest: Any,
) -> None:  # fmt: skip
    """Make a draft called NAME. Nothing is sent before it is released."""
    if at and not timezone:
        raise click.UsageError("--local needs --timezone: of those who have none of their own.")
    if (timezone or past) and not at:
        raise click.UsageError("--timezone and --past belong to --local.")
    local_time = given({"at": at, "timezone": timezone, "past": past}) if at else None
    client = Client()
    made = client.campaigns.create(
        name, audience=audience, request=_request(client, channel, rest), send_at=send_at, local_time=local_time,
        throttle=throttle, idempotency_key=idempotency_key,
    )  # fmt: skip
    show_campaign(made, as_json)


def _request(client: Client, channel: str, options: dict[str, Any]) -> dict[str, Any]:
    """What everybody is sent."""
    template, variables, file = (options.pop(name) for name in ("template", "variables", "file"))
    content = read_content(options)
    if file is not None:
        if template or content or variables or any(options.values()):
            raise click.UsageError("--request is all that is sent: leave out --template and what it says.")
        if not file.startswith("@"):
            raise click.UsageError("--request: name a file with an @ before it: --request @request.json.")
        return {"channel": channel, **json_file("--request", file[1:])}
    if (template is None) == (content is None):
        raise click.UsageError("Say what is sent: --template, or content (--subject and --text, --body, …).")
    data = read_data(variables, lambda: client.template(template)["variables"] if template else ())
    asked = {"channel": channel, "template": template, "content": content, "data": data or None}
    return given({**asked, "kind": options["kind"], "lane": options["lane"]})


@campaigns.command(
    name="dry-run",
    epilog="""\b
Example:
  crier campaigns dry-run 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f
""",
)
@click.argument("campaign")
@as_json_option
def dry_run(campaign: str, as_json: bool) -> None:
    """See what CAMPAIGN would send, to how many, and who is left out why. Nothing is sent."""
    client, console = Client(), screen(stderr=as_json)
    with watched("Looking at everybody", console, lambda one: (one["dry_run"] or {}).get("looked_at", 0)) as watch:
        found = client.campaigns.dry_run(campaign, timeout=math.inf, watch=watch)
    if as_json:
        click.echo(json.dumps({"dry_run": found["dry_run"], "renderings": found["renderings"]}, indent=2))
    else:
        show_dry_run(found)


@campaigns.command(
    epilog="""\b
Examples:
  crier campaigns release 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f
  crier campaigns release 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f --watch
"""
)
@click.argument("campaign")
@click.option("--without-dry-run", is_flag=True, help="Although nobody has seen what would be sent.")
@click.option("--watch", "and_watch", is_flag=True, help="Show how far it is until it has ended.")
@as_json_option
def release(*, campaign: str, without_dry_run: bool, and_watch: bool, as_json: bool) -> None:
    """Let CAMPAIGN go out, at once or at its moment."""
    client = Client()
    found = client.campaigns.release(campaign, without_dry_run=without_dry_run)
    if and_watch:
        _watch(client, campaign, as_json)
    else:
        show_campaign(found, as_json)


@campaigns.command(
    epilog="""\b
Example:
  crier campaigns watch 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f
"""
)
@click.argument("campaign")
@as_json_option
def watch(campaign: str, as_json: bool) -> None:
    """Show how far CAMPAIGN is, until it has ended."""
    _watch(Client(), campaign, as_json)


def _watch(client: Client, campaign: str, as_json: bool) -> None:
    console = screen(stderr=as_json)
    try:
        with watched("Sending", console, lambda one: one["progress"]["ended"]) as seen:
            found = client.campaigns.wait(campaign, timeout=math.inf, watch=seen)
    except KeyboardInterrupt:
        console.print(f"It goes on without us. To look again: crier campaigns watch {campaign}", style="dim")
        raise SystemExit(130) from None
    show_campaign(found, as_json)


@campaigns.command(
    epilog="""\b
Example:
  crier campaigns pause 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f
"""
)
@click.argument("campaign")
@as_json_option
def pause(campaign: str, as_json: bool) -> None:
    """Let nothing more of CAMPAIGN go out until it is resumed."""
    show_campaign(Client().campaigns.pause(campaign), as_json)


@campaigns.command(
    epilog="""\b
Example:
  crier campaigns resume 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f
"""
)
@click.argument("campaign")
@as_json_option
def resume(campaign: str, as_json: bool) -> None:
    """Let CAMPAIGN go on where it was."""
    show_campaign(Client().campaigns.resume(campaign), as_json)


@campaigns.command(
    epilog="""\b
Example:
  crier campaigns cancel 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f
"""
)
@click.argument("campaign")
@as_json_option
def cancel(campaign: str, as_json: bool) -> None:
    """Let nothing more of CAMPAIGN go out, for good. What was sent stays sent."""
    show_campaign(Client().campaigns.cancel(campaign), as_json)


@campaigns.command(
    name="list",
    epilog="""\b
Examples:
  crier campaigns list
  crier campaigns list --state running
""",
)
@click.option("--state", type=click.Choice(get_args(State)), help="Only these.")
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1), help="How many at most.")
@as_json_option
def list_campaigns(state: str | None, limit: int, as_json: bool) -> None:
    """List campaigns, newest first."""
    found = list(islice(Client().campaigns.list(state=cast("State | None", state)), limit))
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        screen().print(table_of(found))
    else:
        screen().print("There are no campaigns like that: `crier campaigns create` makes one.")


@campaigns.command(
    epilog="""\b
Example:
  crier campaigns show 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f
"""
)
@click.argument("campaign")
@as_json_option
def show(campaign: str, as_json: bool) -> None:
    """Show CAMPAIGN, by its id: how far it is, and what became of it."""
    show_campaign(Client().campaigns.get(campaign), as_json)


@campaigns.command(
    epilog="""\b
Example:
  crier campaigns delete 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f
"""
)
@click.argument("campaign")
def delete(campaign: str) -> None:
    """Delete a draft."""
    Client().campaigns.delete(campaign)
    screen().print("Deleted.")
