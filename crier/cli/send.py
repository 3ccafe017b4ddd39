"""`crier send`."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from crier.cli.addressing import FORMS, channel_for, read_recipient
from crier.cli.content import CHANNELS, KINDS, LANES, POLICIES, content_options, read_content
from crier.cli.data import read_data
from crier.cli.follow import follow
from crier.cli.screen import screen
from crier.cli.timeline import GOOD, state_text
from crier.cli.values import duration, moment, pairs
from crier.client import Client


@click.command(
    epilog="""\b
Examples:
  crier send welcome --to 'Ada <ada@example.com>' --data name=Ada --data action_url=https://example.com/start
  crier send one_time_code --to +447700900123 --data code=482913 --expires-in 10m --wait
  crier send booking_confirmation --to user:u_1 --data @booking.json --send-at 2027-03-01T18:30:00Z
  crier send --to topic:line-12 --title 'Line 12' --body 'No trains until noon.'
  crier send --to ada@example.com --subject 'Your table' --text 'It is ready.'
  crier send --to +447700900123 --body 'Your table is ready.' --idempotency-key order-4711
  crier send booking_confirmation --channel whatsapp --to +447700900123 --data @booking.json
  crier send --to endpoint:01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f --content @order.json        a webhook
  crier send system_alert --to chat:ops --data @alert.json
  crier send --to chat:ops --title 'Payments answer slowly' --body 'p95 is 4.2 s.'
  crier templates show welcome     says which data a template takes

\b
With --wait it ends with 1 unless the notification was sent or delivered.
"""
)
@click.argument("template", required=False)
@click.option("--to", "recipients", multiple=True, required=True, metavar="WHOM", help=FORMS)
@click.option(
    "--channel",
    type=click.Choice(CHANNELS),
    help="Where --to does not say it. A number gets an SMS unless this says whatsapp.",
)
@click.option("--data", "given", multiple=True, metavar="NAME=VALUE|@FILE.json", help="The template's variables.")
@content_options
@click.option("--name", help="The recipient's name.")
@click.option("--locale", help="The recipient's language, e.g. pt-BR.")
@click.option("--timezone", help="The recipient's time zone, e.g. Europe/London.")
@click.option("--unsubscribe-url", help="For promotions by mail: your https address that unsubscribes by one POST.")
@click.option("--kind", type=click.Choice(KINDS), help="What content of your own is; a template says it of itself.")
@click.option(
    "--lane", type=click.Choice(LANES), help="How urgent it is. By default codes are critical, promotions bulk."
)
@click.option("--send-at", type=moment, help="Not before this moment, or in so long: 10m.")
@click.option("--expires-at", type=moment, help="Never after this moment.")
@click.option("--expires-in", type=duration, help="The same, from now: 10m. One-time codes need one of them.")
@click.option("--on-unknown", type=click.Choice(POLICIES), help="When nobody knows whether it was sent.")
@click.option("--ordering-key", metavar="KEY", help="What has the same one is sent one at a time, in this order.")
@click.option("--metadata", multiple=True, metavar="NAME=VALUE", help="Strings of your own, given back with it.")
@click.option("--idempotency-key", help="The same request under the same key is sent once; write its moments out.")
@click.option("--wait", "waits", is_flag=True, help="Follow it until it ends.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def send(
    *, template: str | None, recipients: tuple[str, ...], channel: str | None, given: tuple[str, ...],
    name: str | None, locale: str | None, timezone: str | None, unsubscribe_url: str | None, expires_at: str | None,
    expires_in: timedelta | None, metadata: tuple[str, ...], waits: bool, as_json: bool, **rest: Any,
) -> None:  # fmt: skip
    """Send one notification of a TEMPLATE, or of content of your own."""
    content = read_content(rest)
    if (template is None) == (content is None):
        raise click.UsageError("Name a TEMPLATE, or give content: --subject and --text, --body, --title and --body.")
    if expires_at and expires_in:
        raise click.UsageError("Give --expires-at or --expires-in, not both.")
    to = read_recipient(recipients)
    more = {"name": name, "locale": locale, "timezone": timezone, "unsubscribe_url": unsubscribe_url}
    to |= {field: value for field, value in more.items() if value}
    channel = channel or channel_for(to)
    client = Client()
    asked: dict[str, Any] = {"to": to, "channel": channel, "template": template, "content": content}
    receipt = client.send(
        **asked, data=read_data(given, lambda: client.template(template)["variables"] if template else ()) or None,
        expires_at=datetime.now(UTC) + expires_in if expires_in else expires_at,
        metadata=pairs("--metadata", metadata) or None, **rest,
    )  # fmt: skip
    console = screen(stderr=as_json)
    if not as_json:
        earlier = " by an earlier call under this key" if receipt["replayed"] else ""
        console.print(f"[green]✓[/] Accepted{earlier}: [bold]{receipt['id']}[/]", end="  ")
        console.print(state_text(receipt["state"]), f" {receipt['channel']}.{receipt['lane']}")
    if waits:
        found = follow(client, receipt["id"], console)
        if as_json:
            click.echo(json.dumps(found, indent=2))
        if found["state"] not in GOOD:
            raise click.exceptions.Exit(1)
    elif as_json:
        click.echo(json.dumps(receipt, indent=2))
    else:
        console.print(f"  crier show {receipt['id']}      what became of it", style="dim")
        if receipt["state"] == "suppressed":
            console.print("  It is not sent: the recipient must not be written to.", style="yellow")
            console.print("  crier suppressions list    says whom, why and since when", style="dim")
        if receipt["state"] == "scheduled":
            console.print(f"  crier cancel {receipt['id']}    as long as it is scheduled", style="dim")
