"""What came of the rows: a table for people, Markdown for the documents, JSON for machines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from rich.table import Table
from rich.text import Text

from chaos.seen import Outcome

BEGIN, END = "<!-- matrix -->", "<!-- /matrix -->"
_NUMBERS = ("accepted", "delivered", "lost", "duplicated", "doubt", "recovery")


def ordered(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """By row, the brokers of each beside each other; the order of a family's rows is kept."""
    faults = list(dict.fromkeys(outcome.fault for outcome in outcomes))
    return sorted(outcomes, key=lambda one: (one.number, faults.index(one.fault), one.broker))


def cells(outcome: Outcome) -> dict[str, str]:
    """A row's line."""
    line = {"row": str(outcome.number), "fault": outcome.fault, "broker": outcome.broker}
    line |= dict.fromkeys(_NUMBERS, "–")
    if outcome.seen:
        books, recovery = outcome.seen.books, outcome.seen.recovery
        line |= {
            "accepted": str(books.accepted),
            "delivered": str(books.delivered),
            "lost": str(len(books.lost)),
            "duplicated": str(len(books.duplicated)),
            "doubt": str(books.held),
        }
        if recovery is not None:
            line["recovery"] = f"{recovery:.1f} s"
    missed = "; ".join(f"{check.what}: {check.seen}" for check in outcome.missed)
    return line | {"bar": outcome.bar, "verdict": "met" if outcome.met else f"MISSED: {missed or 'not finished'}"}


def table(outcomes: Sequence[Outcome]) -> Table:
    """For people."""
    made = Table(title="The fault matrix. Lost, and notifications made twice, are 0 in every row that is met.")
    for name in ("row", "fault", "broker", *_NUMBERS, "bar", "verdict"):
        made.add_column(
            "unknown, held" if name == "doubt" else name, justify="right" if name in ("row", *_NUMBERS) else "left"
        )
    before = 0
    for outcome in ordered(outcomes):
        if before not in (0, outcome.number):
            made.add_section()
        before = outcome.number
        *line, verdict = cells(outcome).values()
        made.add_row(*line, Text(verdict, "green" if outcome.met else "red"))
    return made


def markdown(outcomes: Sequence[Outcome], machine: Mapping[str, Any], *, seed: int, quick: bool, minutes: float) -> str:
    """For `docs/reliability.md`: the machine, the table, and every bar with what was measured."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    how = f"Seed {seed}, {'quick' if quick else 'full'}, {minutes:.0f} minutes"
    lines = [
        f"Run on {machine['date']}: {machine['processor']}, {machine['usable_cores']} cores, "
        f"{machine['memory_gb']:g} GB, {machine['system']}, Python {machine['python']}. {versions}. {how}; "
        f"load average {machine['load_at_begin']:.1f} when it began, {machine['load_at_end']:.1f} when it ended.",
        "",
        "| row | fault | broker | accepted | delivered | lost | twice | held | recovery | verdict |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for outcome in ordered(outcomes):
        line = cells(outcome)
        del line["bar"]
        lines.append(f"| {' | '.join(line.values())} |")
    lines += ["", "What each row measured, beside that nothing was lost or made twice:", ""]
    for outcome in ordered(outcomes):
        if outcome.seen:
            said = "; ".join(f"{check.what}: {check.seen}" for check in outcome.seen.checks)
            lines.append(f"- **{outcome.number}, {outcome.fault}** ({outcome.broker}): {said}.")
    return "\n".join(lines) + "\n"


def write_markdown(path: Path, text: str) -> None:
    """Put `text` between the marks of a page that has them; else it is the page."""
    page = path.read_text() if path.exists() else ""
    if BEGIN in page and END in page:
        text = f"{page.partition(BEGIN)[0]}{BEGIN}\n{text}{END}{page.partition(END)[2]}"
    path.write_text(text)


def write_json(path: Path, outcomes: Sequence[Outcome], machine: Mapping[str, Any], *, seed: int) -> None:
    """Everything."""
    rows = [{"met": outcome.met, "outcome": outcome} for outcome in ordered(outcomes)]
    path.write_bytes(orjson.dumps({"machine": machine, "seed": seed, "rows": rows}, option=orjson.OPT_INDENT_2))
