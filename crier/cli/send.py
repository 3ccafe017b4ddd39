"""`crier send`."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from crier.answers import Notification
from crier.cli.addressing import FORMS, channel_for, read_channels, read_recipient
from crier.cli.content import CHANNELS, KINDS, LANES, POLICIES, UNTIL, content_options, read_content
from crier.cli.data import read_data
from crier.cli.follow import follow
from crier.cli.screen import screen
from crier.cli.timeline import GOOD, state_text
from crier.cli.values import duration, durations, moment, pairs
from crier.client import Client
from crier.request import Digest


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
  crier send booking_confirmation --channel push,sms --to user:u_1 --to +447700900123 --data @booking.json
  crier send activity_digest --to user:u_1 --data actor=Grace --data text='likes your photo' --digest 30m
  crier send --to endpoint:01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f --content @order.json        a webhook
  crier send system_alert --to chat:ops --data @alert.json
  crier send --to chat:ops --title 'Payments answer slowly' --body 'p95 is 4.2 s.'
  crier templates show welcome     says which data a template takes

\b
With --wait it ends with 1 unless the notification was sent or delivered, or the chain has succeeded.
"""
)
@click.argument("template", required=False)
@click.option("--to", "recipients", multiple=True, required=True, metavar="WHOM", help=FORMS)
@click.option(
    "--channel",
    type=read_channels,
    metavar="CHANNEL[,CHANNEL…]",
    help=f"{', '.join(CHANNELS)}: where --to does not say it. A number gets an SMS unless this says whatsapp. "
    "Several are a chain: each is tried when the one before was not enough.",
)
@click.option(
    "--fallback-after", type=durations, metavar="10m[,1h…]", help="Of a chain: how long each step is given. 10m."
)
@click.option("--until", type=click.Choice(UNTIL), help="Of a chain: how far a message must come. delivered.")
@click.option("--data", "given", multiple=True, metavar="NAME=VALUE|@FILE.json", help="The template's variables.")
@content_options
@click.option("--name", help="The recipient's name.")
@click.option("--locale", help="The recipient's language, e.g. pt-BR.")
@click.option("--timezone", help="The recipient's time zone, e.g. Europe/London.")
@click.option("--unsubscribe-url", help="For promotions by mail: your https address that unsubscribes by one POST.")
@click.option("--kind", type=click.Choice(KINDS), help="What content of your own is; a template says it of itself.")
@click.option("--category", help="What content of your own is about, of which people choose: `crier categories list`.")
@click.option(
    "--lane", type=click.Choice(LANES), help="How urgent it is. By default codes are critical, promotions bulk."
)
@click.option("--send-at", type=moment, help="Not before this moment, or in so long: 10m.")
@click.option("--expires-at", type=moment, help="Never after this moment.")
@click.option("--expires-in", type=duration, help="The same, from now: 10m. One-time codes need one of them.")
@click.option("--on-unknown", type=click.Choice(POLICIES), help="When nobody knows whether it was sent.")
@click.option("--ordering-key", metavar="KEY", help="What has the same one is sent one at a time, in this order.")
@click.option("--digest", metavar="30m|08:00", help="Collect it with others for so long, or until this time of day.")
@click.option("--digest-key", metavar="KEY", help="What is collected together. [default: what has this template]")
@click.option("--metadata", multiple=True, metavar="NAME=VALUE", help="Strings of your own, given back with it.")
@click.option("--idempotency-key", help="The same request under the same key is sent once; write its moments out.")
@click.option("--wait", "waits", is_flag=True, help="Follow it until it ends.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def send(
    *, template: str | None, recipients: tuple[str, ...], channel: str | list[str] | None, given: tuple[str, ...],
    name: str | None, locale: str | None, timezone: str | None, unsubscribe_url: str | None, expires_at: str | None,
    expires_in: timedelta | None, digest: str | None, digest_key: str | None, metadata: tuple[str, ...], waits: bool,
    as_json: bool, **rest: Any,
) -> None:  # fmt: skip
    """Send one notification of a TEMPLATE, or of content of your own."""
    content = read_content(rest)
    if (template is None) == (content is None):
        raise click.UsageError("Name a TEMPLATE, or give content: --subject and --text, --body, --title and --body.")
    if expires_at and expires_in:
        raise click.UsageError("Give --expires-at or --expires-in, not both.")
    if digest_key and not digest:
        raise click.UsageError("--digest-key: say with --digest how long to collect.")
    to = read_recipient(recipients)
    more = {"name": name, "locale": locale, "timezone": timezone, "unsubscribe_url": unsubscribe_url}
    to |= {field: value for field, value in more.items() if value}
    channel = channel or channel_for(to)
    client = Client()
    asked: dict[str, Any] = {"to": to, "channel": channel, "template": template, "content": content}
    receipt = client.send(
        **asked, data=read_data(given, lambda: _variables(client, template, digest)) or None,
        digest=_digest(digest, digest_key) if digest else None,
        expires_at=datetime.now(UTC) + expires_in if expires_in else expires_at,
        metadata=pairs("--metadata", metadata) or None, **rest,
    )  # fmt: skip
    console = screen(stderr=as_json)
    if not as_json:
        earlier = " by an earlier call under this key" if receipt["replayed"] else ""
        console.print(f"[green]✓[/] Accepted{earlier}: [bold]{receipt['id']}[/]", end="  ")
        console.print(state_text(receipt["state"]), f" {receipt['channel']}.{receipt['lane']}", end="")
        console.print(f"  {receipt['collected']} collected" if "collected" in receipt else "")
    if waits:
        found = follow(client, receipt["id"], console)
        if as_json:
            click.echo(json.dumps(found, indent=2))
        if not _is_good(found):
            raise click.exceptions.Exit(1)
    elif as_json:
        click.echo(json.dumps(receipt, indent=2))
    else:
        if receipt["state"] != "suppressed":
            console.print(f"  crier show {receipt['id']}      what became of it", style="dim")
        else:
            console.print("  It is not sent: the recipient must not be written to.", style="yellow")
            console.print(f"  crier show {receipt['id']}      says why", style="dim")
        if receipt["state"] == "scheduled":
            console.print(f"  crier cancel {receipt['id']}    as long as it is scheduled", style="dim")


def _is_good(found: Notification) -> bool:
    chain = found.get("chain")
    return chain["state"] == "succeeded" if chain else found["state"] in GOOD


def _digest(text: str, key: str | None) -> Digest:
    when: Digest = {"at": text} if ":" in text else {"window": text}
    return {**when, "key": key} if key else when


def _variables(client: Client, template: str | None, digest: str | None) -> Sequence[Mapping[str, Any]]:
    """What may be given: of a digest, the fields of an element too."""
    if template is None:
        return ()
    declared = client.template(template)["variables"]
    elements = [field for one in declared for field in (one.get("items") or {}).get("fields") or ()] if digest else []
    return [*declared, *elements]
