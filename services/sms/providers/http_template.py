"""Request templates of the HTTP gateway: text with `{to}`, `{text}` and other placeholders in it.

What is put in is never read as part of the template: not as JSON, since only the parsed strings of a body are filled,
nor as another placeholder, since a text is gone through once. Forms, queries and URLs are encoded afterwards.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

Values = Mapping[str, str | int | None]

PLACEHOLDERS = ("to", "to_digits", "text", "from", "id", "validity", "api_key")
_PLACEHOLDER = re.compile(r"\{(\w*)\}")


def strings(template: Any) -> Iterator[str]:
    """Every string of a template that is filled: itself, or the values within an object or list."""
    match template:
        case str():
            yield template
        case dict():
            for value in template.values():
                yield from strings(value)
        case list():
            for value in template:
                yield from strings(value)


def names(template: Any) -> Iterator[str]:
    """Every name of a field in a template."""
    match template:
        case dict():
            for name, value in template.items():
                yield name
                yield from names(value)
        case list():
            for value in template:
                yield from names(value)


def placeholders(template: Any) -> list[str]:
    """The names in braces in a template."""
    return [name for text in strings(template) for name in _PLACEHOLDER.findall(text)]


def unknown_placeholder(name: str) -> str:
    """What to say of a name in braces that is none of ours."""
    near = difflib.get_close_matches(name, PLACEHOLDERS, n=1)
    hint = f" Did you mean {{{near[0]}}}?" if near else ""
    return f"has {{{name}}}, which is no placeholder; there are {', '.join(f'{{{p}}}' for p in PLACEHOLDERS)}.{hint}"


def fill(template: Any, values: Values) -> Any:
    """`template` with its placeholders filled.

    A string that is nothing but a placeholder becomes its value, of its own type; and where there is no such value
    (no sender, no validity), the field or element is left out.
    """
    match template:
        case str():
            return _fill_text(template, values)
        case dict():
            filled = {name: fill(value, values) for name, value in template.items()}
            return {name: value for name, value in filled.items() if value is not None or template[name] is None}
        case list():
            pairs = [(value, fill(value, values)) for value in template]
            return [filled for value, filled in pairs if filled is not None or value is None]
    return template


def _fill_text(template: str, values: Values) -> str | int | None:
    if alone := _PLACEHOLDER.fullmatch(template):
        return values[alone[1]]
    return _PLACEHOLDER.sub(lambda found: _written(values[found[1]]), template)


def _written(value: str | int | None) -> str:
    return "" if value is None else str(value)
