"""How much one rendering may cost: steps and characters, counted while it runs.

A template is a program somebody else wrote, and it runs in a worker that others depend on. Every loop, call,
filter and large string pays here, so that none runs for long or fills the memory, whatever data arrives.
"""

import threading
from collections.abc import Iterable, Sized
from typing import Any

from shared.errors import TemplateError

MAX_OUTPUT = 256 * 1024
"""The most characters one file may render to, and the longest string that may arise on the way."""

MAX_STEPS = 20_000
"""What one rendering may do: a round of a loop, a call, a filter or a value written costs one at least, more by its
size. The largest mail of the catalogue (two hundred items) takes about a fifth of it."""


class _Meter(threading.local):
    steps = 0


_meter = _Meter()


def start() -> None:
    """Begin a rendering on this thread."""
    _meter.steps = 0


def spend(steps: int) -> None:
    """Count `steps`; `TemplateError` when there were too many."""
    _meter.steps += steps
    if steps < 0 or _meter.steps > MAX_STEPS:  # below zero: a template that found the meter asks for its money back
        raise TemplateError(f"The template does too much work: more than {MAX_STEPS} steps.")


def spend_on(value: Any) -> None:
    """Count what handling `value` costs: by items for a collection, by length for a string."""
    if isinstance(value, str):
        spend(1 + (len(value) >> 8))
    elif isinstance(value, Sized):
        spend(1 + len(value))
    else:
        spend(1)


def loop(value: Any, weight: int = 1) -> Any:
    """Count the rounds of a loop, each of `weight`, before it begins. What has no length is made a list first."""
    if value is None or not isinstance(value, Iterable):
        raise TemplateError("Only a list can be looped over.")
    if not isinstance(value, Sized):
        spend(1)
        value = list(value)
    spend(len(value) * weight)
    return value


def size(length: int) -> int:
    """Refuse a string that would have `length` characters when that is too many."""
    if length > MAX_OUTPUT:
        raise TemplateError(f"The template makes more than {MAX_OUTPUT // 1024} KB of text.")
    return length


def join(parts: Iterable[str]) -> str:
    """Join what a template, a macro or a block wrote, unless it is too much."""
    written = parts if isinstance(parts, list) else list(parts)
    size(sum(map(len, written)))
    return "".join(written)
