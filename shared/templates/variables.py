"""The variables a template declares: checked when a caller sends them, read again when the template is rendered.

What passes `Variables.check` is stored as the JSON that was sent; `Variables.parse` turns it into the dates,
decimals and amounts a template works with, without checking a second time.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields

from shared.errors import InvalidInput
from shared.templates.types import MULTILINE, TYPES, Type

Parse = Callable[[Any], Any]
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Variable:
    """One declared variable, or one field of an object, or what each item of a list is.

    Parameters:
        name: as the template and the caller write it.
        type: one of `types.TYPES`, `list` or `object`.
        required: whether it must be sent. An optional one that is not sent is `default`.
        secret: encrypted at rest and wiped at the end, e.g. a one-time code.
        multiline: a string that may have line breaks.
        max_length: characters of a string, items of a list.
        choices: the only values allowed.
        items: of a list, what each item is.
        fields: of an object, what it consists of.
    """

    name: str
    type: str = "string"
    description: str = ""
    required: bool = True
    default: Any = None
    secret: bool = False
    multiline: bool = False
    max_length: int | None = None
    choices: tuple[Any, ...] = ()
    items: "Variable | None" = None
    fields: "tuple[Variable, ...]" = ()


class Variables:
    """All variables of a template, compiled to one schema. Safe to share between threads."""

    def __init__(self, declared: Sequence[Variable]) -> None:
        self.declared = {variable.name: variable for variable in declared}
        self.secret = tuple(variable.name for variable in declared if variable.secret)
        self._parse = _object_parser(declared)
        self._problems = {
            variable.name: None if variable.type in ("list", "object") else _type(variable).problem
            for variable in declared
        }

    @cached_property
    def _schema(self) -> Schema:
        return _schema(tuple(self.declared.values()))

    def element(self, name: str) -> tuple[str, ...]:
        """The names of the fields that each item of a list of objects has."""
        items = self.declared[name].items
        return tuple(field.name for field in items.fields) if items else ()

    def check(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return `data` as it was sent, or raise `InvalidInput` with every problem by path (`data.items.0.price`)."""
        if self._is_plainly_good(data):
            return data
        try:
            self._schema.load(data)
        except ValidationError as error:
            problems: dict[str, list[str]] = {}
            _flatten(error.messages, self.declared, "data", problems)
            raise InvalidInput(problems) from None
        return data

    def _is_plainly_good(self, data: Mapping[str, Any]) -> bool:
        """Whether every variable has one good value, none of them a list, an object or null; False leaves it open.

        The schema would find the same, in eight times as long: for every row of millions.
        """
        if not isinstance(data, Mapping):
            return False
        left = len(data)
        for name, variable in self.declared.items():
            value = data.get(name)
            if value is None:
                if variable.required or name in data:
                    return False
                continue
            problem = self._problems[name]
            if (
                problem is None
                or problem(value) is not None
                or (variable.max_length is not None and len(value) > variable.max_length)
                or (variable.choices and value not in variable.choices)
            ):
                return False
            left -= 1
        return left == 0

    def parse(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The values a template works with, every declared variable among them. `data` must have passed `check`."""
        parsed: dict[str, Any] = self._parse(data)
        return parsed


class _Value(fields.Field[Any]):
    """One value of a named type; loading gives it back as it was."""

    def __init__(self, variable: Variable, **kwargs: Any) -> None:
        self.variable = variable
        self.type = _type(variable)
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        problem = self.type.problem(value)
        if problem:
            raise ValidationError(f"`{self.variable.name}` must be {self.type.expected}: {problem}.")
        longest = self.variable.max_length
        if longest is not None and len(value) > longest:
            raise ValidationError(
                f"`{self.variable.name}` may have at most {longest} characters; this has {len(value)}."
            )
        choices = self.variable.choices
        if choices and value not in choices:
            close = difflib.get_close_matches(str(value), [str(choice) for choice in choices], n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise ValidationError(
                f"`{self.variable.name}` must be one of {', '.join(str(choice) for choice in choices)}.{hint}"
            )
        return value


class _DataSchema(Schema):
    class Meta:
        unknown = RAISE

    error_messages = {"unknown": _UNKNOWN, "type": "Must be an object with a value for each variable."}  # noqa: RUF012


def _type(variable: Variable) -> Type:
    return MULTILINE if variable.multiline else TYPES[variable.type]


def _schema(declared: Sequence[Variable]) -> Schema:
    made = {variable.name: _field(variable) for variable in declared}
    return _DataSchema.from_dict(made, name="Data")()


def _field(variable: Variable) -> fields.Field[Any]:
    expected = TYPES[variable.type].expected if variable.type in TYPES else _expected(variable)
    about = f" ({variable.description.rstrip('.')})" if variable.description else ""
    options: dict[str, Any] = {
        "required": variable.required,
        "allow_none": not variable.required,
        "error_messages": _unformatted(
            required=f"`{variable.name}`{about} is missing: send {expected}.",
            null=f"`{variable.name}`{about} must be {expected}, not null.",
            invalid=f"`{variable.name}` must be {expected}.",
            type=f"`{variable.name}` must be {expected}.",
        ),
    }
    if variable.type == "list" and variable.items:
        return fields.List(_field(variable.items), validate=_at_most(variable), **options)
    if variable.type == "object":
        return fields.Nested(_schema(variable.fields), **options)
    return _Value(variable, **options)


def _unformatted(**messages: str) -> dict[str, str]:
    """Messages as they are: marshmallow formats them, and would take a brace for a field of its own."""
    return {key: message.replace("{", "{{").replace("}", "}}") for key, message in messages.items()}


def _expected(variable: Variable) -> str:
    if variable.type == "object":
        return f"an object with {', '.join(f'`{field.name}`' for field in variable.fields)}"
    return "a list"


def _at_most(variable: Variable) -> Callable[[Sequence[Any]], None]:
    longest = variable.max_length or 1000

    def check(items: Sequence[Any]) -> None:
        if len(items) > longest:
            raise ValidationError(f"`{variable.name}` may have at most {longest} items; this has {len(items)}.")

    return check


def _flatten(messages: Any, declared: Mapping[str, Variable], path: str, into: dict[str, list[str]]) -> None:
    """Marshmallow's nested messages as one problem list per path, with "did you mean" where a name is unknown."""
    if isinstance(messages, list):
        into.setdefault(path, []).extend(messages)
        return
    for key, below in messages.items():
        variable = declared.get(key) if isinstance(key, str) else None
        if key == "_schema":
            into.setdefault(path, []).extend(below)
        elif isinstance(key, str) and variable is None:
            into.setdefault(f"{path}.{key[:80]}", []).append(_unknown(key, declared))
        elif variable is None:  # an item of a list: `declared` holds the fields of its items
            _flatten(below, declared, f"{path}.{key}", into)
        else:
            inner = variable
            while inner.type == "list" and inner.items:
                inner = inner.items
            _flatten(below, {field.name: field for field in inner.fields}, f"{path}.{key}", into)


def _unknown(name: str, declared: Mapping[str, Variable]) -> str:
    close = difflib.get_close_matches(name, declared, n=1)
    if close:
        return f"The template has no variable `{name[:80]}`; did you mean `{close[0]}`?"
    known = ", ".join(f"`{other}`" for other in declared) or "none at all"
    return f"The template has no variable `{name[:80]}`; it has {known}."


def _parser(variable: Variable) -> Parse | None:
    """How to read a checked value, or None where it is used as it is."""
    if variable.type == "object":
        return _object_parser(variable.fields)
    if variable.type == "list" and variable.items:
        item = _parser(variable.items)
        return None if item is None else lambda values: [item(value) for value in values]
    return TYPES[variable.type].parse


def _object_parser(declared: Sequence[Variable]) -> Parse:
    defaults: dict[str, Any] = {}
    parsers: dict[str, Parse] = {}
    for variable in declared:
        parse = _parser(variable)
        if parse:
            parsers[variable.name] = parse
        if not variable.required:
            sent = variable.default
            defaults[variable.name] = parse(sent) if parse and sent is not None else sent

    def read(data: Mapping[str, Any]) -> dict[str, Any]:
        values = {**defaults, **data}
        for name, parse in parsers.items():
            if name in data:
                values[name] = None if data[name] is None else parse(data[name])
        return values

    return read
