"""`--data`: a template's variables as they are typed."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crier.cli.values import json_file, pairs

OPTION = "--data"
_NOT_TEXT = {
    "integer": (int,),
    "decimal": (int, float),
    "boolean": (bool,),
    "money": (dict,),
    "list": (list,),
    "object": (dict,),
}
Declared = Callable[[], Sequence[Mapping[str, Any]]]


def read_data(given: Sequence[str], declared: Declared) -> dict[str, Any]:
    """The variables: `name=value` and `@file.json`, the later over the earlier.

    A value is JSON where it is JSON and the variable is not declared as text: a code of 482913 stays text, as many
    guests are a number.

    Parameters:
        declared: gets the template's variables; called only when it matters.
    """
    data: dict[str, Any] = {}
    for file in (one[1:] for one in given if one.startswith("@")):
        data |= json_file(OPTION, file)
    typed = pairs(OPTION, [one for one in given if not one.startswith("@")])
    types = {variable["name"]: variable["type"] for variable in declared()} if typed else {}
    return data | {name: _value(text, types.get(name)) for name, text in typed.items()}


def _value(text: str, declared: str | None) -> Any:
    value = _json(text)
    if declared is None:
        return text if value is None and text != "null" else value
    if declared not in _NOT_TEXT:
        return value if isinstance(value, str) else text
    if isinstance(value, _NOT_TEXT[declared]):
        return value
    return _as_in_a_cell(text, declared)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _as_in_a_cell(text: str, declared: str) -> Any:
    # Imported here: it brings the whole of the template engine's types, which take a second.
    from shared.intake.cells import conversion
    from shared.templates.variables import Variable

    return conversion(Variable("", declared))(text)
