"""Cells of a CSV file become the values of a template's variables: text in, what JSON would have said out."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from shared.templates.variables import Variable

Convert = Callable[[str], Any]
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_MONEY = re.compile(r"(-?[\d.]+) ?([A-Z]{3})")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _integer(cell: str) -> Any:
    return int(cell) if _WHOLE.fullmatch(cell) else cell


def _boolean(cell: str) -> Any:
    return _TRUTH.get(cell.lower(), cell)


def _money(cell: str) -> Any:
    written = _MONEY.fullmatch(cell)
    return {"amount": written[1], "currency": written[2]} if written else _json(cell)


def _json(cell: str) -> Any:
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell


_BY_TYPE: dict[str, Convert] = {
    "integer": _integer, "boolean": _boolean, "money": _money, "list": _json, "object": _json,
}  # fmt: skip


def conversion(variable: Variable) -> Convert:
    """How a cell of `variable` is read. What does not fit stays text, and is refused by the template's own check."""
    return _BY_TYPE.get(variable.type, str)


def find_variable(declared: Mapping[str, Variable], path: list[str]) -> Variable | None:
    """The variable that a column such as `price.amount` fills; None when there is none."""
    variable = declared.get(path[0])
    for name in path[1:]:
        if variable is None:
            return None
        if variable.type == "money" and name in ("amount", "currency"):
            return Variable(name)
        variable = {field.name: field for field in variable.fields}.get(name)
    return variable
