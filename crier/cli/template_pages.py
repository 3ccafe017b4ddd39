"""Templates as a person reads them: a list, and one with what it takes."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from crier.answers import Json, Template, TemplateSummary
from crier.cli.printable import one_line, printable


def listing(found: Iterable[TemplateSummary]) -> Table:
    """A line for each."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("NAME", "KIND", "CHANNELS", "LANGUAGES"):
        table.add_column(name, no_wrap=True)
    table.add_column("WHAT IT IS FOR")
    for one in found:
        name = f"{one['name']}@{one['version']}"
        channels, locales = ", ".join(one["channels"]), " ".join(one["locales"])
        table.add_row(name, one["kind"], channels, locales, Text(one_line(one["description"])))
    return table


def describe(found: Template) -> RenderableType:
    """What it is for, its variables and its sample."""
    head = Text.assemble((f"{found['name']}@{found['version']}", "bold"), f"  {found['kind']}", style="")
    channels = Text(f"Sent by {', '.join(found['channels'])}, in {', '.join(found['locales'])}.")
    sample = Text(printable(json.dumps(found["sample"], indent=2, ensure_ascii=False)))
    tried = Text(f"See it with this sample: crier templates preview {found['name']}", style="dim")
    about = Text(one_line(found["description"]))
    return Group(
        head, about, channels, "", _variables(found["variables"]), "", Text("Sample", "dim"), sample, "", tried
    )


def _variables(variables: Iterable[Json]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("VARIABLE", no_wrap=True)
    table.add_column("TYPE", no_wrap=True)
    table.add_column("")
    table.add_column("WHAT IT IS", overflow="fold")
    for depth, variable in _flattened(variables):
        must = "required" if variable["required"] else ""
        about = Text(one_line(_about(variable)))
        table.add_row("  " * depth + variable["name"], _type(variable), Text(must, "yellow"), about)
    return table


def _flattened(variables: Iterable[Json], depth: int = 0) -> Iterator[tuple[int, Json]]:
    """Variables and, below each, the fields of what it consists of."""
    for variable in variables:
        yield depth, variable
        inner: Any = variable.get("items") or variable
        yield from _flattened(inner.get("fields", ()), depth + 1)


def _type(variable: Json) -> str:
    items = variable.get("items")
    return f"list of {items['type']}" if items else str(variable["type"])


def _about(variable: Json) -> str:
    notes = [
        f"one of {', '.join(map(str, variable['choices']))}" if variable.get("choices") else "",
        f"by default {variable['default']}" if variable["default"] not in (None, [], {}) else "",
        "kept secret" if variable["secret"] else "",
        f"at most {variable['max_length']}" if variable.get("max_length") else "",
    ]
    noted = "; ".join(note for note in notes if note)
    return (
        f"{variable['description']} ({noted})"
        if noted and variable["description"]
        else variable["description"] or noted
    )
