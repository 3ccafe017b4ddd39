"""`crier unknown`."""

import json
from collections.abc import Mapping
from itertools import islice
from typing import Any
from uuid import UUID

import click
from rich.console import Group, RenderableType
from rich.text import Text

from crier.cli.choosing import HOW, Deed, Option, given, takes
from crier.cli.content import CHANNELS
from crier.cli.post_mortem import calls, facts, show_each, table_of
from crier.cli.screen import screen
from crier.cli.timeline import local
from crier.cli.values import past_moment
from crier.triage import Triage

WIDE = 130  # columns from which everything fits

_FILTERS: tuple[Option, ...] = (
    click.option("--channel", type=click.Choice(CHANNELS), help="Only these."),
    click.option("--queue", help="Only of this one: sms.normal."),
    click.option("--provider", help="Only those this provider was asked to send."),
    click.option("--template", help="Only of this one: welcome, or one version of it: welcome@3."),
    click.option("--after", "held_after", type=past_moment, help="Held since then, or for so long at most: 1h."),
    click.option("--before", "held_before", type=past_moment, help="Held since before then."),
)
# decision: (what is asked, what is said when it was done)
_WORDS = {
    "sent": ("Mark {count} deliveries as sent?", "Marked as sent"),
    "failed": ("Mark {count} deliveries as failed?", "Marked as failed"),
    "send-again": ("Send {count} deliveries again? Who got it before gets it twice.", "Queued again"),
}


@click.group()
def unknown() -> None:
    """Decide about deliveries of which nobody knows whether they were sent.

    A call broke off after it may have reached the provider. Crier asked the provider where it can be asked, and does
    not send these again by itself, so that nobody gets a message twice.
    """


@unknown.command(
    name="list",
    epilog="""\b
Examples:
  crier unknown list
  crier unknown list --channel sms --after 1h
""",
)
@takes(*_FILTERS)
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1), help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_unknown(limit: int, as_json: bool, **filters: Any) -> None:
    """List what waits for a decision, newest first."""
    found = list(islice(Triage().page_through("unknown", given(filters)), limit + 1))
    shown = found[:limit]
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return
    console = screen()
    if not shown:
        console.print("None like that waits." if given(filters) else "Nothing waits for a decision.")
        return
    names = ("DELIVERY", "HELD", "QUEUE", "BY", "TO", "HOW IT CAME TO BE")
    width = len(names) if console.width >= WIDE else -1
    rows = (
        (one["id"], local(one["held_at"], "%m-%d %H:%M:%S"), one["queue"], one["provider"] or "", one["target"],
         one["reason"] or "")[:width]
        for one in shown
    )  # fmt: skip
    console.print(table_of(names[:width], rows))
    more = f"There are more: --limit {limit * 5}, or narrow it down (--help).   " if len(found) > limit else ""
    console.print(f"{more}crier unknown show ID      says more", style="dim")


@unknown.command(
    epilog="""\b
Example:
  crier unknown show 0198c0de-0000-7000-8000-000000000000
"""
)
@click.argument("identifier", metavar="ID", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show(identifier: UUID, as_json: bool) -> None:
    """Say what is known of a delivery that waits, and what can be decided. ID may be a notification's."""
    show_each("unknown", identifier, _described, as_json=as_json)


@unknown.command(
    name="decide",
    epilog="""\b
Examples:
  crier unknown decide 0198c0de-0000-7000-8000-000000000000 --sent
  crier unknown decide 0198c0de-0000-7000-8000-000000000000 --send-again
  crier unknown decide --provider twilio --before 1h --send-again --dry-run
""",
)
@click.argument("ids", metavar="[ID]...", nargs=-1, type=click.UUID)
@click.option("--sent", "decision", flag_value="sent", help="It was sent.")
@click.option("--failed", "decision", flag_value="failed", help="It was not sent, and is not to be.")
@click.option("--send-again", "decision", flag_value="send-again", help="Send it again, whether it was sent or not.")
@takes(*_FILTERS, *HOW)
def decide_unknown(ids: tuple[UUID, ...], decision: str | None, **options: Any) -> None:
    """Say what became of a delivery, or send it again.

    An ID may be a notification's. Without ids, the options say which; you are asked once you have seen how many.
    """
    if decision is None:
        raise click.UsageError("What is decided? Give --sent, --failed or --send-again.")
    question, past = _WORDS[decision]
    Deed("unknown", "decide", {"decision": decision}, question, past).do(ids, options)


def _described(held: Mapping[str, Any]) -> RenderableType:
    head = Text.assemble((held["id"], "bold"), "  ", ("unknown", "red"), f"  {held['queue']}")
    told = facts(
        {
            "held since": local(held["held_at"]),
            "because": held["reason"],
            "to": held["target"],
            "template": held["template"],
            "asked": held["provider"],
            "call began": held["started_at"] and local(held["started_at"]),
            "expires at": held["expires_at"] and local(held["expires_at"]),
            "notification": held["notification_id"],
        }
    )
    means = (
        "A call may have reached the provider, or not: nobody saw its answer. It is not sent again by itself, so that "
        "nobody gets it twice. Ask the recipient, or look for it at the provider. Then decide:"
    )
    command = Text(f"crier unknown decide {held['id']} …", "bold")
    options = facts({
        "--sent": "it arrived",
        "--failed": "it did not, and is not to be sent any more",
        "--send-again": "sending it twice does less harm than not at all",
    })  # fmt: skip
    seen: tuple[RenderableType, ...] = ("", calls(held["calls"])) if held["calls"] else ()
    return Group(head, "", told, *seen, "", Text(means), command, options)
