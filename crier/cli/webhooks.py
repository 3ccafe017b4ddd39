"""`crier webhooks`."""

import json
from datetime import timedelta
from typing import Any

import click
from rich.text import Text

from crier.cli.endpoint_rows import rows_of, show_endpoint, table_of, when
from crier.cli.follow import follow
from crier.cli.screen import screen
from crier.cli.timeline import GOOD
from crier.cli.values import duration, past_moment
from crier.client import Client

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")
events_option = click.option(
    "--event", "events", multiple=True, metavar="EVENT",
    help="What it is told of by itself: notification.failed, notification.*, *; may be repeated.",
)  # fmt: skip
KEEP = "Keep it where the receiver finds it: it is shown this once."


@click.group()
def webhooks() -> None:
    """Say where webhooks go, and which events are told there.

    What changes an endpoint needs a key with the scope admin.
    """


@webhooks.command(
    epilog="""\b
Examples:
  crier webhooks create https://hooks.shop.example/crier
  crier webhooks create https://hooks.shop.example/crier --event 'notification.*' --event recipient.complained
  crier webhooks create https://hooks.shop.example/crier --event '*' --json | jq -r .secret
"""
)
@click.argument("url")
@events_option
@click.option("--description", help="For people.")
@as_json_option
def create(url: str, events: tuple[str, ...], description: str | None, as_json: bool) -> None:
    """Make an endpoint at URL. Its secret, with which receivers verify, is shown this once."""
    made = Client().webhooks.create(url, events=events, description=description)
    if as_json:
        click.echo(json.dumps(made, indent=2))
        return
    screen().print(rows_of(made))
    screen().print(Text.assemble(("secret       ", "dim"), made["secret"]))
    screen().print(f"{KEEP} crier webhooks test {made['id']}", style="dim")


@webhooks.command(
    name="list",
    epilog="""\b
Examples:
  crier webhooks list
  crier webhooks list --json | jq -r '.[] | select(.disabled_at) | .id'
""",
)
@as_json_option
def list_endpoints(as_json: bool) -> None:
    """List the endpoints, oldest first."""
    found = Client().webhooks.list()
    if as_json:
        click.echo(json.dumps(list(found), indent=2))
    elif found:
        screen().print(table_of(found))
    else:
        screen().print("There are no endpoints: `crier webhooks create` makes one.")


@webhooks.command(
    epilog="""\b
Example:
  crier webhooks show 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f
"""
)
@click.argument("endpoint")
@as_json_option
def show(endpoint: str, as_json: bool) -> None:
    """Show ENDPOINT, by its id."""
    show_endpoint(Client().webhooks.get(endpoint), as_json)


@webhooks.command(
    epilog="""\b
Examples:
  crier webhooks update ENDPOINT --url https://hooks.shop.example/v2
  crier webhooks update ENDPOINT --event notification.failed --event notification.undelivered
  crier webhooks update ENDPOINT --no-events        only what is sent to it
"""
)
@click.argument("endpoint")
@click.option("--url", help="Where it is now.")
@events_option
@click.option("--no-events", is_flag=True, help="Tell it of nothing by itself.")
@click.option("--description", help="For people.")
@as_json_option
def update(
    *, endpoint: str, url: str | None, events: tuple[str, ...], no_events: bool, description: str | None, as_json: bool
) -> None:
    """Change what is given of ENDPOINT, and leave the rest as it is."""
    if events and no_events:
        raise click.UsageError("Give --event or --no-events, not both.")
    told = {"events": list(events)} if events or no_events else {}
    given = {"url": url, "description": description}
    changed = {name: value for name, value in given.items() if value is not None} | told
    if not changed:
        raise click.UsageError("Say what to change: --url, --event, --no-events or --description.")
    show_endpoint(Client().webhooks.change(endpoint, **changed), as_json)


@webhooks.command(
    epilog="""\b
Examples:
  crier webhooks rotate ENDPOINT
  crier webhooks rotate ENDPOINT --overlap 0s        the old secret is known to others
"""
)
@click.argument("endpoint")
@click.option("--overlap", type=duration, help="How long the old secret signs too. [default: 1d]")
@as_json_option
def rotate(endpoint: str, overlap: timedelta | None, as_json: bool) -> None:
    """Replace the secret of ENDPOINT. The new one is shown this once."""
    seconds = None if overlap is None else int(overlap.total_seconds())
    made = Client().webhooks.rotate(endpoint, overlap=seconds)
    if as_json:
        click.echo(json.dumps(made, indent=2))
        return
    screen().print(Text.assemble(("secret  ", "dim"), made["secret"]))
    screen().print(f"{KEEP} The old one signs too until {when(made['old_until'])}.", style="dim")


@webhooks.command(
    epilog="""\b
Examples:
  crier webhooks test ENDPOINT
  crier webhooks test ENDPOINT --wait        ends with 1 unless the endpoint took it
"""
)
@click.argument("endpoint")
@click.option("--wait", "waits", is_flag=True, help="Follow it until it ends.")
@as_json_option
def test(endpoint: str, waits: bool, as_json: bool) -> None:
    """Send ENDPOINT a webhook of the type webhook.test."""
    client = Client()
    receipt = client.webhooks.test(endpoint)
    found: Any = follow(client, receipt["id"], screen(stderr=as_json)) if waits else receipt
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif not waits:
        screen().print(f"On its way. crier show {receipt['id']} says what became of it.")
    if waits and found["state"] not in GOOD:
        raise click.exceptions.Exit(1)


@webhooks.command(
    epilog="""\b
Examples:
  crier webhooks replay ENDPOINT --since 3d
  crier webhooks replay ENDPOINT --since 2027-03-01T18:30:00Z
"""
)
@click.argument("endpoint")
@click.option("--since", required=True, type=past_moment, help="A moment, or how long ago: 3d.")
@as_json_option
def replay(endpoint: str, since: str, as_json: bool) -> None:
    """Send ENDPOINT again what failed to reach it, with the ids it had: oldest first, a thousand at most."""
    done = Client().webhooks.replay(endpoint, since=since)
    if as_json:
        click.echo(json.dumps(done, indent=2))
        return
    screen().print(f"{done['queued']} queued again.{' Type the same again for more.' if done['more'] else ''}")


@webhooks.command(
    epilog="""\b
Example:
  crier webhooks enable ENDPOINT && crier webhooks replay ENDPOINT --since 5d
"""
)
@click.argument("endpoint")
@as_json_option
def enable(endpoint: str, as_json: bool) -> None:
    """Send to ENDPOINT again, after it was disabled."""
    show_endpoint(Client().webhooks.change(endpoint, enabled=True), as_json)


@webhooks.command(
    epilog="""\b
Example:
  crier webhooks disable ENDPOINT        until `crier webhooks enable`, what is sent to it fails
"""
)
@click.argument("endpoint")
@as_json_option
def disable(endpoint: str, as_json: bool) -> None:
    """Send no more to ENDPOINT."""
    show_endpoint(Client().webhooks.change(endpoint, enabled=False), as_json)


@webhooks.command(
    epilog="""\b
Example:
  crier webhooks delete 01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f
"""
)
@click.argument("endpoint")
def delete(endpoint: str) -> None:
    """Delete ENDPOINT. What still waits for it fails."""
    Client().webhooks.delete(endpoint)
    screen().print("Deleted.")
