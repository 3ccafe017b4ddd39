"""What is wrong with a request: every problem by the path of its field, with "did you mean" where a name is unknown."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields

from shared.errors import InvalidInput

UNKNOWN = "unknown"
_WHOLE = "_schema"


def load(schema: Schema, data: Any, path: str = "") -> Any:
    """Load `data` by `schema`.

    Raises:
        InvalidInput: every problem, by paths that begin with `path`.
    """
    try:
        return schema.load(data)
    except ValidationError as error:
        raise InvalidInput(by_path(error.messages, schema, path)) from None


def by_path(messages: Any, schema: Schema | None, path: str = "") -> dict[str, list[str]]:
    """Marshmallow's nested messages, flat: `to.email` to its problems."""
    found: dict[str, list[str]] = {}
    _collect(messages, schema, path, found)
    return found


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean …?` when something known is spelt nearly so, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _collect(messages: Any, schema: Schema | None, path: str, found: dict[str, list[str]]) -> None:
    if isinstance(messages, list):
        found.setdefault(path or "(body)", []).extend(str(message) for message in messages)
        return
    for key, below in messages.items():
        if key == _WHOLE:
            _collect(below, schema, path, found)
            continue
        inner = f"{path}.{str(key)[:80]}" if path else str(key)[:80]
        if schema is not None and below in ([UNKNOWN], ["Unknown field."]):
            known = [field.data_key or name for name, field in schema.fields.items()]
            below = [f"There is no such field.{did_you_mean(str(key), known)}"]
        _collect(below, _schema_below(schema, key), inner, found)


def _schema_below(schema: Schema | None, key: Any) -> Schema | None:
    if schema is None:
        return None
    field = schema.fields.get(key)
    while isinstance(field, fields.List):
        field = field.inner
    if isinstance(field, fields.Nested):
        nested = field.schema
        return nested if isinstance(nested, Schema) else None
    # The items of a list: keys are their numbers, and the schema stays.
    return schema if isinstance(key, int) else None


class StrictSchema(Schema):
    """A schema for what callers send: an unknown field is an error, never passed over."""

    error_messages: Mapping[str, str] = {"unknown": UNKNOWN, "type": "Must be an object."}  # type: ignore[assignment]
