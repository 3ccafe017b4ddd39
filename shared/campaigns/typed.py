"""What a template takes of a member's data: its own variables, and of a CSV file's cells the values they mean.

When a file is uploaded nobody knows yet which templates it is for, so its cells are kept as the text they are.
"""

from collections.abc import Mapping
from typing import Any

from shared.intake.cells import conversion
from shared.templates.variables import Variable


def fitting(
    data: Mapping[str, Any] | None, declared: Mapping[str, Variable], *, is_text: bool
) -> dict[str, Any] | None:  # fmt: skip
    """The part of `data` that a template has variables for. Lists have more columns than one template needs.

    Parameters:
        is_text: it comes from CSV: text is read as the variable's type wants it.
    """
    if not data:
        return None
    return {name: _value(data[name], declared[name], is_text) for name in data if name in declared}


def unused(data: Mapping[str, Any] | None, declared: Mapping[str, Variable]) -> set[str]:
    """The names in `data` that a template has no variables for."""
    return {name for name in data or () if name not in declared}


def _value(value: Any, variable: Variable, is_text: bool) -> Any:
    if not is_text:
        return value
    if isinstance(value, str):
        return conversion(variable)(value)
    if isinstance(value, Mapping) and variable.fields:
        below = {field.name: field for field in variable.fields}
        return {name: _value(one, below[name], True) if name in below else one for name, one in value.items()}
    return value
