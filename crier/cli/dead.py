"""`crier dead`."""

import json
from itertools import islice
from typing import Any
from uuid import UUID

import click
from rich.table import Table

from crier.cli.choosing import HOW, Deed, Option, given, takes
from crier.cli.content import CHANNELS
from crier.cli.post_mortem import CAUSES, described, show_each, table_of
from crier.cli.screen import screen
from crier.cli.timeline import local
from crier.cli.values import past_moment
from crier.triage import Triage

WIDE = 130  # columns from which everything fits

_FILTERS: tuple[Option, ...] = (
    click.option("--why", type=click.Choice(sorted(CAUSES)), help="Only these."),
    click.option("--channel", type=click.Choice(CHANNELS), help="Only these."),
    click.option("--queue", help="Only of this one: sms.normal, cleanup."),
    click.option("--provider", "name", help="Only those this provider was asked for last; of a task, its actor."),
    click.option("--code", help="Only with this code of the provider's: 21211."),
    click.option("--template", help="Only of this one: welcome, or one version of it: welcome@3."),
    click.option("--after", "died_after", type=past_moment, help="Died since then, or within so long: 1h."),
    click.option("--before", "died_before", type=past_moment, help="Died before then."),
    click.option("--tasks", is_flag=True, help="Tasks of Crier itself instead of deliveries (scope admin)."),
)


@click.group()
def dead() -> None:
    """Look at what was given up, and replay or purge it.

    What died is kept for a day, and no more than the newest 10,000 (CRIER_DEAD_LETTERS_AGE, _COUNT). After that a
    delivery is still failed, and `crier retry` still sends it again.
    """


@dead.command(
    name="list",
    epilog="""\b
Examples:
  crier dead list
  crier dead list --channel sms --why exhausted --after 1h
  crier dead list --tasks
""",
)
@takes(*_FILTERS)
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1), help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_dead(limit: int, as_json: bool, tasks: bool, **filters: Any) -> None:
    """List what died, newest first."""
    asked = given(filters) | ({"kind": "task"} if tasks else {})
    found = list(islice(Triage().page_through("dead-letters", asked), limit + 1))
    shown = found[:limit]
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return
    console = screen()
    if not shown:
        console.print("None like that is dead." if given(filters) else "Nothing is dead.")
        return
    console.print(_table(shown, is_wide=console.width >= WIDE))
    more = f"There are more: --limit {limit * 5}, or narrow it down (--help).   " if len(found) > limit else ""
    console.print(f"{more}crier dead show ID      says why, and what to do", style="dim")


@dead.command(
    epilog="""\b
Example:
  crier dead show 0198c0de-0000-7000-8000-000000000000
"""
)
@click.argument("identifier", metavar="ID", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show(identifier: UUID, as_json: bool) -> None:
    """Say why something died, what each provider answered, and what to do. ID may be a notification's."""
    show_each("dead-letters", identifier, described, as_json=as_json)


@dead.command(
    epilog="""\b
Examples:
  crier dead replay 0198c0de-0000-7000-8000-000000000000
  crier dead replay --channel sms --why exhausted --after 1h --dry-run
  crier dead replay --channel sms --why exhausted --after 1h
"""
)
@click.argument("ids", metavar="[ID]...", nargs=-1, type=click.UUID)
@takes(*_FILTERS, *HOW)
def replay(ids: tuple[UUID, ...], tasks: bool, **options: Any) -> None:
    """Try again what died, as if it had just been accepted: with all its attempts before it.

    Without ids, the options say which; you are asked once you have seen how many. What has expired, or whose code was
    wiped, is skipped.
    """
    _deed("replay", "Replayed", tasks=tasks).do(ids, options)


@dead.command(
    epilog="""\b
Examples:
  crier dead purge 0198c0de-0000-7000-8000-000000000000
  crier dead purge --why refused --before 12h
  crier dead purge --all --yes
"""
)
@click.argument("ids", metavar="[ID]...", nargs=-1, type=click.UUID)
@takes(*_FILTERS, *HOW)
def purge(ids: tuple[UUID, ...], tasks: bool, **options: Any) -> None:
    """Remove dead letters that nobody needs to see again. What died is still failed, and can be retried."""
    _deed("purge", "Purged", tasks=tasks).do(ids, options)


def _deed(verb: str, past: str, *, tasks: bool) -> Deed:
    asked = {"kind": "task" if tasks else "delivery"}
    return Deed("dead-letters", verb, asked, f"{verb.capitalize()} {{count}} dead letters?", past)


def _table(found: list[dict[str, Any]], *, is_wide: bool) -> Table:
    names = ("ID", "DIED", "WHY", "QUEUE", "BY", "CODE", "TO", "LAST ANSWER")
    rows = (
        (
            one["id"], local(one["died_at"], "%m-%d %H:%M:%S"), one["why"], one["queue"], one["name"] or "",
            one["code"] or "", one["target"] or "", one["detail"] or "",
        )
        for one in found
    )  # fmt: skip
    shown = range(len(names)) if is_wide else (0, 1, 2, 5, 6)
    return table_of([names[each] for each in shown], ([row[each] for each in shown] for row in rows))
