"""What templates may do to values: operators, attributes and filters that cannot explode.

Jinja2's own sandbox keeps a template away from Python's insides, but lets it ask for `10 ** 100000000` or
`'a'.ljust(300000000)`. Here only what is listed exists, and what can grow is measured before it does.
"""

import json
import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from functools import wraps
from typing import Any

from jinja2 import pass_context, pass_eval_context
from jinja2.environment import TemplateModule
from jinja2.filters import FILTERS, do_replace, sync_do_join
from jinja2.nodes import EvalContext
from jinja2.runtime import (
    BlockReference,
    Context,
    LoopContext,
    Macro,
    TemplateReference,
    Undefined,
    markup_join,
    str_join,
)
from jinja2.utils import Namespace, htmlsafe_json_dumps
from markupsafe import Markup

from shared.errors import TemplateError
from shared.templates import limits
from shared.templates.types import Money

_MAX_BITS = 256
_TEXT = {
    "capitalize", "endswith", "isalpha", "isdigit", "lower", "lstrip", "rstrip", "split", "splitlines", "startswith",
    "strip", "title", "upper",
}  # fmt: skip
_DAY = {"year", "month", "day", "weekday", "isoweekday"}
_CLOCK = {"hour", "minute", "second"}

ATTRIBUTES: dict[type, set[str]] = {
    str: _TEXT,
    Markup: _TEXT,
    dict: {"get", "items", "keys", "values"},
    list: {"count", "index"},
    tuple: {"count", "index"},
    date: _DAY,
    datetime: _DAY | _CLOCK | {"date", "time"},
    time: _CLOCK,
    Money: {"amount", "currency"},
    LoopContext: {
        "changed", "cycle", "depth", "depth0", "first", "index", "index0", "last", "length", "nextitem", "previtem",
        "revindex", "revindex0",
    },
}  # fmt: skip
"""The attributes and methods a template may use, by the exact type that has them."""

NAMED_BY_AUTHOR = (Namespace, TemplateModule, TemplateReference, Macro, BlockReference)
"""What a template defines itself; anything of theirs without a leading underscore may be used."""


def _operand(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise TemplateError("A number in the template has too many digits.")
    return value


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, str | list | tuple) else None


def add(left: Any, right: Any) -> Any:
    """`+`, refused where the sum would be too long."""
    first, second = _length(left), _length(right)
    if first is not None and second is not None:
        limits.spend(1 + (limits.size(first + second) >> 8))
    return operator.add(_operand(left), _operand(right))


def multiply(left: Any, right: Any) -> Any:
    """`*` for numbers; a string or a list cannot be repeated."""
    if _length(left) is not None or _length(right) is not None:
        raise TemplateError("`*` is for numbers: a string or a list cannot be repeated.")
    return operator.mul(_operand(left), _operand(right))


def modulo(left: Any, right: Any) -> Any:
    """`%` for numbers; on a string it would be a format whose width nobody limits."""
    if _length(left) is not None:
        raise TemplateError("`%` is for numbers: write strings with {{ … }}.")
    return operator.mod(_operand(left), _operand(right))


def power(left: Any, right: Any) -> Any:
    """`**` does not exist: one power of a power fills any memory."""
    raise TemplateError("`**` is not available in templates: multiply instead.")


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": lambda left, right: operator.sub(_operand(left), _operand(right)),
    "*": multiply,
    "/": lambda left, right: operator.truediv(_operand(left), _operand(right)),
    "//": lambda left, right: operator.floordiv(_operand(left), _operand(right)),
    "%": modulo,
    "**": power,
}


def bounded_range(*bounds: int) -> range:
    """`range`, up to a thousand numbers."""
    numbers = range(*bounds)
    if abs(numbers.stop) >= 2**62 or len(numbers) > 1000:
        raise TemplateError("range() gives up to 1,000 numbers.")
    return numbers


# The four below are what metered.py puts into a template. Taking the context keeps Jinja2 from folding them away.


@pass_context
def counted(context: Context, value: Any, weight: int) -> Any:
    """Around what a loop runs over."""
    return limits.loop(value, weight)


@pass_context
def spent(context: Context, weight: int) -> None:
    """At the beginning of every body that can run more than once."""
    limits.spend(weight)


@pass_context
def weighed(context: Context, value: Any) -> Any:
    """Around both sides of a comparison: comparing long strings takes its time."""
    if isinstance(value, str | list | tuple | dict):
        limits.spend(len(value) >> 8)
    return value


@pass_eval_context
def concatenated(eval_ctx: EvalContext, parts: list[Any]) -> str:
    """What `~` does, measured: each part is a string or a number."""
    limits.spend(1 + (limits.size(sum(len(p) if isinstance(p, str) else len(str(printable(p))) for p in parts)) >> 8))
    return markup_join(parts) if eval_ctx.autoescape else str_join(parts)


def printable(value: Any) -> Any:
    """Let through what a reader can read; refuse `None`, lists and objects instead of mailing their Python form."""
    kind = type(value)
    if kind is str or kind is Markup:
        limits.spend(1 + (len(value) >> 8))
        return value
    limits.spend(1)
    if value is None:
        raise TemplateError(
            "An empty value was about to be written: put {% if … %} around it, or use |default(…, true)."
        )
    if isinstance(value, list | tuple | set | Mapping | range):
        raise TemplateError("A list or an object cannot be written as it is: loop over it, or name one of its fields.")
    if isinstance(value, Money | date | time):
        raise TemplateError(f"Write a {kind.__name__.lower()} with a filter: |money, |date, |time or |datetime.")
    if isinstance(value, int):
        return _operand(value)
    if callable(value) and not isinstance(value, Undefined):
        raise TemplateError("A function cannot be written: call it with ().")
    return value


@pass_eval_context
def join(eval_ctx: EvalContext, value: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
    """Jinja2's `join`, measured before it is done."""
    items = list(limits.loop(value))
    if attribute is not None:
        items = [eval_ctx.environment.getitem(item, attribute) for item in items]
    limits.size(sum(len(str(printable(item))) for item in items) + len(d) * len(items))
    return sync_do_join(eval_ctx, items, d)


@pass_eval_context
def replace(eval_ctx: EvalContext, s: Any, old: str, new: str, count: int | None = None) -> str:
    """Jinja2's `replace`, measured before it is done."""
    text = str(s)
    limits.size(len(text) + (text.count(old) if old else len(text) + 1) * max(len(new) - len(old), 0) * 6)
    return do_replace(eval_ctx, s, old, new, count)


def rounded(value: Any, precision: int = 0) -> Any:
    """`value` to up to 9 digits after the point."""
    if not 0 <= precision <= 9:
        raise TemplateError("round(precision): up to 9 digits.")
    return round(_operand(value), precision)


def to_json(value: Any) -> Markup:
    """JSON on one line, safe inside HTML."""
    limits.spend_on(value)
    return htmlsafe_json_dumps(value, dumps=json.dumps)


def _metered(filter_: Callable[..., Any]) -> Callable[..., Any]:
    position = 1 if hasattr(filter_, "jinja_pass_arg") else 0

    @wraps(filter_)
    def measured(*args: Any, **kwargs: Any) -> Any:
        limits.spend_on(args[position])
        return filter_(*args, **kwargs)

    return measured


_PLAIN = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float", "groupby", "int",
    "items", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "select",
    "selectattr", "sort", "sum", "title", "trim", "truncate", "unique", "upper", "urlencode", "wordcount",
)  # fmt: skip
FILTERS_ALLOWED: dict[str, Callable[..., Any]] = {
    **{name: _metered(FILTERS[name]) for name in _PLAIN},
    "join": join,
    "replace": replace,
    "round": rounded,
    "tojson": to_json,
    "_counted": counted,
    "_spent": spent,
    "_weighed": weighed,
    "_concatenated": concatenated,
}
"""Jinja2's filters without those that can explode (center, indent, format, batch, …) or switch escaping off (safe)."""

TESTS = (
    "boolean", "defined", "divisibleby", "even", "false", "float", "integer", "mapping", "none", "number", "odd",
    "sequence", "string", "true", "undefined",
)  # fmt: skip
"""Jinja2's tests (`is …`) that take the same time whatever they look at."""
