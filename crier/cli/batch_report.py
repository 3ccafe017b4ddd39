"""How a bulk send went, as a person reads it."""

import csv
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from crier.answers import Batch, RowError
from crier.cli.printable import one_line
from crier.cli.timeline import GOOD, state_text

SHOWN = 20


def is_all_well(batch: Batch) -> bool:
    """Whether every row was accepted, and every delivery that ended was sent."""
    waiting = ("scheduled", "queued", "claimed", "started")
    return not batch["refused"] and all(state in (*GOOD, *waiting) for state, count in batch["states"].items() if count)


def show_batch(batch: Batch, errors: Iterable[RowError], console: Console) -> None:
    """Print what was accepted and refused, the first refused rows, and where each delivery is."""
    console.print(f"Batch [bold]{batch['id']}[/]")
    if batch["closed_at"] is None:
        console.print("Its file has not been read to the end: it is being uploaded, or broke off.", style="yellow")
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_row(str(batch["accepted"]), Text("rows accepted"))
    table.add_row(str(batch["refused"]), Text("rows refused", style="red" if batch["refused"] else ""))
    console.print(table, "", _states(batch["states"]), sep="\n")
    first = list(islice(errors, SHOWN + 1))
    if first:
        console.print("", refused_rows(first[:SHOWN]), sep="\n")
    if len(first) > SHOWN:
        more = f"There are more: crier bulk --batch {batch['id']} --errors refused.csv writes all of them."
        console.print(more, style="dim")


def refused_rows(errors: Iterable[RowError]) -> Table:
    """A line for each problem."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("ROW", justify="right")
    table.add_column("FIELD", no_wrap=True)
    table.add_column("REFUSED BECAUSE", overflow="fold")
    for error in errors:
        table.add_row(str(error["row"]), Text(one_line(error["field"])), Text(one_line(error["problem"])))
    return table


def write_errors(errors: Iterable[RowError], file: TextIO) -> None:
    """Write refused rows as CSV: row, field, problem."""
    writer = csv.DictWriter(file, ("row", "field", "problem"), lineterminator="\n")
    writer.writeheader()
    writer.writerows(errors)


def _states(states: Mapping[str, int]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    for state, count in states.items():
        table.add_row(str(count), state_text(state))
    return table
