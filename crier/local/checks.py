"""One finding of `crier health` or `crier doctor`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from crier.local.errors import LocalError

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """What was looked at, how it is, and what to do when it is not well."""

    name: str
    level: Level
    text: str
    remedy: str = ""


def examine(name: str, look: Callable[[], str]) -> Check:
    """Ok with what `look` says, unless it raises a LocalError: what is wrong, and in further lines what to do."""
    try:
        return Check(name, "ok", look())
    except LocalError as error:
        wrong, _, remedy = str(error).partition("\n")
        return Check(name, "fail", wrong, remedy)
