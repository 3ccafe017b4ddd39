"""Paths into an answer: `messages.0.id` is the `id` of the first of `messages`."""

import re
from typing import Any

_PATH = re.compile(r"[^.\[\]$\s]+(\.[^.\[\]$\s]+)*")


def path_problem(path: str) -> str | None:
    """What is wrong with a path; None when nothing is."""
    if _PATH.fullmatch(path):
        return None
    return f"must be names and numbers with dots between them, such as messages.0.id, not {path!r}."


def find(answer: Any, path: str) -> str | None:
    """What is at `path`, as text: a string, a number, or `true` or `false`. None where there is nothing of the kind."""
    for step in path.split("."):
        match answer:
            case dict():
                answer = answer.get(step)
            case list() if step.isdecimal() and int(step) < len(answer):
                answer = answer[int(step)]
            case _:
                return None
    match answer:
        case bool():
            return str(answer).lower()
        case str() | int() | float():
            return str(answer)
    return None
