"""A dead letter as a stranger can read it: what died, why, every call with its answer, and what to do."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from crier.cli.printable import one_line
from crier.cli.screen import screen
from crier.cli.timeline import local, target_of
from crier.triage import Triage, Where

# why: (what that means, what to do about it)
CAUSES = {
    "refused": (
        "The provider refused it for good: to ask again as it is would be refused again.",
        "Put right what its answer names (the address, the sender, the account). Then replay it.",
    ),
    "exhausted": (
        "Every attempt failed, and there are no more.",
        "See whether what the last answer names works again. Then replay it: all its attempts are before it again.",
    ),
    "poison": (
        "Every worker that took it died: something in it, or in what handles it, ends the process.",
        "Look for the end of a worker in the logs at these times. Replay it only when the cause is mended.",
    ),
    "not-composed": (
        "No message could be made of it, so nobody was called: its template or its data is wrong.",
        "Mend the template, and send it anew: a notification keeps the version it was accepted with.",
    ),
    "limit": (
        "A limit did not let it through while it was worth anything.",
        "See whether the limit is right (CRIER_SMS_…). Then replay it, or send a new one.",
    ),
    "given-up": (
        "Nobody knew whether it was sent, and a person decided that it was not.",
        "Replay it if it is to be sent after all.",
    ),
    "unknown-actor": (
        "A message for a task that no running service knows; or that failed while the ledger was away.",
        "Run the service that knows it (an older or a newer version?). Then replay it.",
    ),
    "unreadable": (
        "What lay in the queue was no message of Crier. It did nothing.",
        "Find out who else writes to this broker. Then purge it.",
    ),
}
_OUTCOMES = {
    "sent": "taken", "delivered": "delivered", "rejected": "refused", "unavailable": "not now", "waiting": "not now",
    "unknown": "nobody knows", "found": "found by asking",
}  # fmt: skip

WIDEST = 36
"""Columns that are never cut to less than this; an id needs as many."""


def described(letter: Mapping[str, Any]) -> RenderableType:
    """The whole of a dead letter."""
    means, remedy = CAUSES.get(letter["why"], (f"It died: {letter['why']}.", ""))
    head = Text.assemble((letter["id"], "bold"), "  ", ("dead", "red"), f"  {letter['queue']}")
    parts: list[RenderableType] = [head, "", Text(means), "", _facts(letter)]
    if letter["attempts"]:
        parts += ["", calls(letter["attempts"])]
    elif letter["kind"] == "delivery":
        parts += ["", Text("No provider was called.", "dim")]
    advice = Table.grid(padding=(0, 2))
    advice.add_column(style="dim", no_wrap=True)
    advice.add_column(overflow="fold")
    advice.add_row("to do", Text(remedy))
    advice.add_row("replay", Text(one_line(letter["replay"])))
    if letter["replayable"]:
        advice.add_row("", Text(_command("replay", letter), "bold"))
    advice.add_row("or not", Text(_command("purge", letter), "bold"))
    return Group(*parts, "", advice)


def _command(verb: str, letter: Mapping[str, Any]) -> str:
    return f"crier dead {verb} {letter['id']}{' --tasks' if letter['kind'] == 'task' else ''}"


def _facts(letter: Mapping[str, Any]) -> Table:
    said = ", ".join(one_line(letter[name]) for name in ("name", "code") if letter[name])
    task = letter["kind"] == "task"
    return facts(
        {
            "died": local(letter["died_at"]),
            "why": letter["why"],
            "said" if not task else "task": ": ".join(part for part in (said, letter["detail"]) if part),
            "to": _to(letter),
            "template": letter["template"],
            "accepted": letter["accepted_at"] and local(letter["accepted_at"]),
            "notification": letter["notification_id"],
            "message": letter["message"] and json.dumps(letter["message"], ensure_ascii=False)[:2000],
        }
    )


def _to(letter: Mapping[str, Any]) -> str | None:
    whom, target = letter["recipient"] and target_of(letter["recipient"]), letter["target"]
    if not whom or not target or target in whom:
        return whom or target
    return f"{whom}: {target}"


def facts(rows: Mapping[str, str | None]) -> Table:
    """Names and values, without those that have none."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        if value:
            table.add_row(name, Text(one_line(value)))
    return table


def calls(attempts: Sequence[Mapping[str, Any]]) -> Table:
    """Every call to a provider: when, how long it took, and what was answered."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("CALL", "TOOK", "PROVIDER", "OUTCOME", "CODE", "ANSWER"):
        table.add_column(name, overflow="fold", justify="right" if name == "TOOK" else "left")
    for one in attempts:
        table.add_row(
            local(one["started_at"] or one["finished_at"], "%m-%d %H:%M:%S"), _took(one), one["provider"],
            _OUTCOMES.get(one["outcome"], one["outcome"]), Text(one_line(one["code"] or "")),
            Text(one_line(_answer(one))),
        )  # fmt: skip
    return table


def _took(one: Mapping[str, Any]) -> str:
    if not one["started_at"]:
        return ""
    began, ended = (datetime.fromisoformat(one[name]) for name in ("started_at", "finished_at"))
    return f"{(ended - began).total_seconds():.1f} s"


def _answer(one: Mapping[str, Any]) -> str:
    reference = f"(its id: {one['reference']})" if one["reference"] else ""
    return " ".join(part for part in (one["detail"], reference) if part)


def table_of(names: Iterable[str], rows: Iterable[Sequence[str]]) -> Table:
    """A list: a line each. Where there is not room for all, the last column is cut, and the others hardly."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    titles, cells = list(names), [[one_line(cell) for cell in row] for row in rows]
    for number, title in enumerate(titles):
        longest = max((len(row[number]) for row in cells), default=0)
        needs = None if number == len(titles) - 1 else min(longest, WIDEST)
        table.add_column(title, no_wrap=True, overflow="ellipsis", min_width=needs)
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    return table


def show_each(
    kind: Where, identifier: UUID, describe: Callable[[Mapping[str, Any]], RenderableType], *, as_json: bool
) -> None:
    """Print what is known of a delivery, or of each of a notification's."""
    triage = Triage()
    found = [triage.one(kind, one) for one in triage.found(kind, str(identifier))]
    if as_json:
        click.echo(json.dumps(found if len(found) > 1 else found[0], indent=2))
        return
    console = screen()
    for number, one in enumerate(found):
        if number:
            console.print()
        console.print(describe(one))
