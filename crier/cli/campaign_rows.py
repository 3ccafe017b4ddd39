"""Campaigns, for the terminal."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from crier.cli.printable import one_line, printable
from crier.cli.progress import telling
from crier.cli.screen import screen
from crier.cli.timeline import local, state_text

if TYPE_CHECKING:
    from crier.answers import Campaign, CampaignSummary

_COLOURS = {"running": "green", "done": "green", "paused": "yellow", "cancelling": "yellow", "cancelled": "yellow"}
_LEFT_OUT = {
    "duplicates": "on the list twice",
    "refused_rows": "rows of the file that were refused",
    "no_address": "no address for this channel",
    "invalid": "data that the template refuses",
    "past": "local time has passed",
}


def show_campaign(found: "Campaign", as_json: bool) -> None:
    """Print a campaign, for people or for programs."""
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        screen().print(_rows(found))


def show_dry_run(found: "Campaign") -> None:
    """Print what a campaign would send."""
    console, seen = screen(), found["dry_run"] or {}
    if found["problem"]:
        console.print(Text(one_line(found["problem"]), style="red"))
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_row(str(seen.get("would_send", 0)), Text("would be sent to", style="green"))
    excluded = dict(seen.get("excluded", {}))
    for reason, count in excluded.pop("suppressed", {}).items():
        table.add_row(str(count), Text(f"suppressed: {reason}"))
    for name, count in excluded.items():
        if count:
            table.add_row(str(count), Text(_LEFT_OUT.get(name, name)))
    console.print(table)
    for field, told in seen.get("problems", {}).items():
        console.print(Text(one_line(f"  {field}: {told['problem']} (row {told['row']}; {told['count']} in all)")))
    if seen.get("estimated_seconds") is not None:
        console.print(f"It would take about {_duration(seen['estimated_seconds'])}, by {seen['estimated_by']}.")
    if seen.get("estimated_segments"):
        sizes = ", ".join(f"{count} of {n}" for n, count in seen["segments"].items())
        console.print(f"About {seen['estimated_segments']} SMS; of {seen['sampled']} looked at: {sizes}.")
    if found["local_time"] and seen.get("first_at"):
        console.print(f"From {local(seen['first_at'])} to {local(seen['last_at'])}, by your clock.")
    for one in found["renderings"]:
        content = "\n".join(f"{name}: {value}" for name, value in one["content"].items() if name != "html")
        console.print(Panel(Text(printable(content)), title=Text(one_line(one["to"])), title_align="left"))


def table_of(found: "Sequence[CampaignSummary]") -> Table:
    """A campaign a row."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("ID", "STATE", "TAKEN", "MADE", "NAME"):
        table.add_column(name, overflow="fold", no_wrap=name in ("ID", "MADE"))
    for one in found:
        taken = f"{one['taken']}/{one['members']}"
        made = local(one["created_at"], "%Y-%m-%d %H:%M")
        table.add_row(one["id"], _word(one["state"]), taken, made, Text(one_line(one["name"])))
    return table


@contextmanager
def watched(
    description: str, console: Console, done: "Callable[[Campaign], int]"
) -> "Iterator[Callable[[Campaign], None]]":
    """A bar, as it is shown a campaign again and again."""
    with telling(description, console) as update:

        def see(found: "Campaign") -> None:
            refused = found["progress"]["refused"] + found["progress"]["passed_over"]
            update(done(found), max(found["members"] - refused, sum(found["progress"]["states"].values())))

        yield see


def _rows(found: "Campaign") -> RenderableType:
    progress = found["progress"]
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    rows: list[tuple[str, Text]] = [
        ("id", Text(found["id"])),
        ("name", Text(one_line(found["name"]))),
        ("state", _word(found["state"])),
        ("sends", Text(one_line(json.dumps(found["request"], ensure_ascii=False))[:500])),
        ("to", Text(f"{found['members']} members of audience {found['audience_id']}")),
    ]
    if found["throttle"]:
        rows.append(("throttle", Text(found["throttle"])))
    if found["send_at"]:
        rows.append(("at", Text(local(found["send_at"]))))
    if found["local_time"]:
        rows.append(("at", Text(f"{found['local_time']['at']}, wherever they are")))
    if found["problem"]:
        rows.append(("problem", Text(one_line(found["problem"]), style="red")))
    if found["released_at"]:
        rows.append(("done", Text(f"{progress['share']:.0%}")))
    if progress["estimated_end"]:
        rows.append(("ends about", Text(local(progress["estimated_end"]))))
    if found["batch_id"]:
        rows.append(("batch", Text(f"{found['batch_id']}: crier list --batch, crier bulk --batch show more")))
    for name, value in rows:
        table.add_row(name, value)
    parts: list[RenderableType] = [table]
    if counts := _counts(progress):
        parts += ["", counts]
    return Group(*parts)


def _counts(progress: Any) -> Table | None:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    for state, count in progress["states"].items():
        table.add_row(str(count), state_text(state))
    for name, meaning in (
        ("left", "to come"), ("refused", "refused: nothing can be sent to them"),
        ("passed_over", "local time had passed"),
    ):  # fmt: skip
        if progress[name]:
            table.add_row(str(progress[name]), Text(meaning))
    return table if table.row_count else None


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _word(state: str) -> Text:
    return Text(state, style=_COLOURS.get(state, "cyan"))
