"""The account, for people: tables in the terminal, and a folder to look into."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from crier.cli.batch_report import refused_rows
from crier.cli.printable import one_line
from crier.demo.arrived import arrived
from crier.demo.asked import Finding
from crier.demo.reconcile import is_sending
from crier.demo.run import Outcome
from crier.sandbox import Entry
from crier.sandbox.smtp import raw
from crier.sandbox.twilio.message import WHATSAPP
from shared.messages.email import EmailContent

SHOWN_FINDINGS = 30
ENDINGS = ("sent", "delivered", "undelivered", "failed", "cancelled", "expired", "suppressed")
NAMES = {"email": "mails", "sms": "SMS", "whatsapp": "WhatsApp messages", "push": "pushes"}
DIFFERENCES = ("missing", "doubled", "unasked", "altered")


def account(outcome: Outcome, *, whole: bool = False) -> RenderableType:
    """Everything: what was accepted, refused and delivered, and how that compares with the journals.

    Parameters:
        whole: with each refused row.
    """
    parts: list[RenderableType] = [_groups(outcome), ""]
    for name, errors in outcome.refused.items() if whole else ():
        parts += [Text(f"Refused in {name}", "bold"), refused_rows(errors), ""]
    parts += [_promises(outcome), "", _vendors(outcome), "", _searches(outcome), "", _verdict(outcome.findings)]
    return Group(*parts)


def _promises(outcome: Outcome) -> Table:
    table = _table("What was promised, and seen", "", "", left=2)
    table.show_header = False
    for seen in outcome.seen:
        mark = Text("✓ ", "green") if seen.kept else Text("✗ ", "red")
        table.add_row(mark + Text(seen.promise), Text(seen.told))
    return table


def _table(title: str, *columns: str, left: int = 1) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="dim", pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index < left else "right")
    return table


def _groups(outcome: Outcome) -> Table:
    table = _table("What was asked for, and what came of it", "", "ROWS REFUSED", "ACCEPTED", *map(str.upper, ENDINGS))
    table.show_footer = True
    for group in {one.group: None for one in outcome.asked}:
        members = [one for one in outcome.asked if one.group == group]
        states = Counter(outcome.states.get(one.delivery, "lost") for one in members)
        others = {state: count for state, count in states.items() if state not in ENDINGS}
        rows = outcome.receipts[group]["refused"] if group in outcome.receipts else 0
        told = f"{group}, and {others}" if others else group
        table.add_row(told, *map(_number, (rows, len(members), *(states[state] for state in ENDINGS))))
    every = Counter(outcome.states.get(one.delivery, "lost") for one in outcome.asked)
    rows = sum(receipt["refused"] for receipt in outcome.receipts.values())
    sums = ("together", *map(str, (rows, len(outcome.asked), *(every[state] for state in ENDINGS))))
    for column, text in zip(table.columns, sums, strict=True):
        column.footer = text
    return table


def _vendors(outcome: Outcome) -> Table:
    columns = ("CALLS", "ACCEPTED", "REFUSED", "ASKED FOR", *(kind.upper() for kind in DIFFERENCES))
    table = _table("What the stand-ins received, compared call by call", "", *columns)
    sent = [entry for entry in outcome.calls if is_sending(entry)]
    for channel in {one.channel: None for one in outcome.asked}:
        asked = [one for one in outcome.asked if one.channel == channel]
        vendors = tuple({vendor: None for one in asked for vendor in one.vendors})
        calls = [entry for entry in sent if entry.vendor in vendors and _is_of(channel, entry)]
        whats = {one.what for one in asked}
        found = Counter(
            finding.kind for finding in outcome.findings if finding.what in whats or finding.what.startswith(vendors)
        )
        shares = Counter(entry.vendor for entry in calls if entry.accepted)
        told = ", ".join(f"{vendor} {shares[vendor]}" for vendor in vendors)
        table.add_row(
            f"{NAMES[channel]} ({told})", str(len(calls)), *_split(calls), str(sum(one.accepted for one in asked)),
            *(Text(str(found[kind]), "red" if found[kind] else "green") for kind in DIFFERENCES),
        )  # fmt: skip
    return table


def _is_of(channel: str, entry: Entry) -> bool:
    """Twilio has two channels at one address."""
    return entry.vendor != "twilio" or (channel == "whatsapp") == (entry.recipient or "").startswith(WHATSAPP)


def _split(calls: Iterable[Entry]) -> tuple[str, str]:
    accepted = Counter(entry.accepted for entry in calls)
    return str(accepted[True]), str(accepted[False])


def _searches(outcome: Outcome) -> Table:
    table = _table("One-time codes that can be read", "", "SEARCHED", "FOUND")
    for search in outcome.searches:
        found = Text(str(search.hits), "red" if search.hits else "green")
        table.add_row(search.where, f"{search.size / 1_000_000:.1f} MB", found)
    return table


def _verdict(findings: list[Finding]) -> RenderableType:
    if not findings:
        return Text(
            "All is as it should be: nothing missing, nothing twice, nothing unasked, nothing altered.", "bold green"
        )
    lines = [Text(one_line(str(finding)), "red") for finding in findings[:SHOWN_FINDINGS]]
    more = len(findings) - len(lines)
    rest = [Text(f"… and {more} more.", "red")] if more > 0 else []
    return Group(Text(f"{len(findings)} things are not as they should be:", "bold red"), *lines, *rest)


def _number(count: int) -> str:
    return str(count) if count else ""


def write_folder(folder: Path, outcome: Outcome) -> None:
    """Write the mails as .eml and .html, and the account as report.html."""
    mails = folder / "mails"
    mails.mkdir(parents=True, exist_ok=True)
    whats = {one.delivery: one.what for one in outcome.asked}
    for entry in outcome.calls:
        if not entry.accepted or not is_sending(entry):
            continue
        content = (outcome.arrived.get(entry.sequence) or arrived(entry)).content
        if isinstance(content, EmailContent):
            name = "".join(c if c.isalnum() else "-" for c in whats.get(entry.delivery or "", "unasked"))
            path = mails / f"{entry.sequence:05d}-{name}"
            if entry.vendor == "smtp":
                path.with_suffix(".eml").write_bytes(raw(entry))
            if content.html:
                path.with_suffix(".html").write_text(content.html, encoding="utf-8")
    with (folder / "report.html").open("w", encoding="utf-8") as file:
        console = Console(record=True, file=file, width=140, highlight=False)
        console.print(account(outcome, whole=True))
        file.seek(0)
        file.truncate()
        file.write(console.export_html(inline_styles=True))
