"""A notification as a person reads it: what was asked for, where it is, and what happened."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from crier.answers import Chain, Delivery, Event, Notification
from crier.cli.advice import advice
from crier.cli.printable import one_line

COLOURS = {
    "sent": "green", "delivered": "green", "failed": "red", "undelivered": "red", "unknown": "red", "expired": "yellow",
    "suppressed": "yellow", "cancelled": "yellow",
}  # fmt: skip
GOOD = ("sent", "delivered")
ENDED = tuple(COLOURS)


def state_text(state: str) -> Text:
    """The word in its colour."""
    return Text(state, style=COLOURS.get(state, "cyan"))


def local(moment: str, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A moment in the terminal's own time zone."""
    return datetime.fromisoformat(moment).astimezone().strftime(form)


def target_of(recipient: Mapping[str, Any]) -> str:
    """Whom it goes to, in a word or two."""
    address = next((recipient[name] for name in ("email", "phone", "user_id") if recipient.get(name)), "")
    name = recipient.get("name")
    return one_line(f"{name} <{address}>" if name and address else str(address or name or "(device tokens)"))


def describe(found: Notification) -> RenderableType:
    """The whole of it."""
    chain = found.get("chain")
    lane = f"{' → '.join(step['channel'] for step in chain['steps']) if chain else found['channel']}.{found['lane']}"
    head = Text.assemble((found["id"], "bold"), "  ", state_text(found["state"]), f"  {lane}")
    parts: list[RenderableType] = [head, "", _facts(found), "", _deliveries(found["deliveries"]), ""]
    if chain:
        parts[4:4] = [*_chain(chain), ""]
    parts.append(timeline(found["timeline"]))
    if sentences := list(advice(found)):
        parts += ["", *(Text(one_line(sentence), style="italic") for sentence in sentences)]
    return Group(*parts)


def _facts(found: Notification) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    rows = {
        "to": target_of(found["recipient"]),
        "template": found["template"],
        "data": _json(found["data"]),
        "content": _json(found["content"]),
        "collected": found["digest"] and str(found["digest"]["collected"]),
        "metadata": _json(found["metadata"]),
        "accepted": local(found["accepted_at"]),
        "send at": found["send_at"] and local(found["send_at"]),
        "expires at": found["expires_at"] and local(found["expires_at"]),
        "if unknown": found["on_unknown"],
        "in order of": found["ordering_key"],
        "about": found.get("category"),
        "step of": found.get("chain_id") and f"the chain {found['chain_id']}",
        "batch": found["batch_id"] and f"{found['batch_id']}, row {found['row_number']}",
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, Text(value))
    return table


def _chain(chain: Chain) -> tuple[Text, Table]:
    """Where a chain is, and how its steps are."""
    by = f" by {chain['by']}" if chain["by"] else f", until {chain['until']}"
    following = f"; goes on at {local(chain['next_at'], '%H:%M:%S')}" if chain["next_at"] else ""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("STEP", "STATE", "BEGAN", "NOTIFICATION", "WHY IT WAS NOT ENOUGH"):
        table.add_column(name, overflow="fold", no_wrap=name == "NOTIFICATION")
    for step in chain["steps"]:
        began = local(step["began_at"], "%H:%M:%S") if step["began_at"] else ""
        table.add_row(
            step["channel"], state_text(step["state"]), began, step["notification_id"] or "",
            Text(one_line(step["why"] or "")),
        )  # fmt: skip
    return Text(f"chain: {chain['state']}{by}{following}"), table


def _json(value: Any) -> str | None:
    return one_line(json.dumps(value, ensure_ascii=False)[:2000]) if value else None


def _deliveries(deliveries: Iterable[Delivery]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("DELIVERY", "STATE", "PROVIDER", "TRIES", "WHY, OR WHAT NEXT"):
        table.add_column(name, justify="right" if name == "TRIES" else "left", overflow="fold")
    for one in deliveries:
        why = one["reason"] or ""
        if one["next_at"]:
            why = f"{why} Next at {local(one['next_at'], '%H:%M:%S')}.".strip()
        table.add_row(
            Text(one_line(one["target"])), state_text(one["state"]), one["provider"] or "", str(one["attempts"]),
            Text(one_line(why)),
        )  # fmt: skip
    return table


def timeline(events: Iterable[Event]) -> Table:
    """A line for each event."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True, min_width=9)
    table.add_column(overflow="fold")
    last = ""
    for event in events:
        # A final state has the detail of the attempt that led to it.
        detail = event.get("detail", "")
        told = _told(event, "" if detail == last else detail)
        table.add_row(local(event["at"], "%H:%M:%S.%f")[:-3], _what(event), Text(told))
        last = detail
    return table


def _what(event: Event) -> Text:
    return Text(event["what"], style=COLOURS.get(event["what"], "bold"))


def _told(event: Event, detail: str) -> str:
    said = (event.get("provider"), event.get("outcome"), event.get("code"))
    words = " ".join(word for word in said if word) if event["what"] in ("attempt", "receipt") else ""
    told = ": ".join(part for part in (words, detail) if part)
    return one_line(f"{told} (by {event['who']})" if "who" in event else told)
