"""Failpoints: a process that kills itself at a named step. Made from outside, at its start; the product knows of none.

    CRIER_CHAOS_KILL = "work.claim:after:3"                 after the third claim that claimed something
    CRIER_CHAOS_KILL = "http.send:before:+447700900123"     before the call for that number
    CRIER_CHAOS_KILL = "work.start:before:1%"               before one start in a hundred, by CRIER_CHAOS_SEED

Several are separated by commas. What is killed is the whole process group, as a container would be; a line is written
to the file CRIER_CHAOS_KILLED first, so that nobody takes a fault that did not happen for one that was survived.
"""

import asyncio
import functools
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass, field
from typing import Any

from chaos.steps import find

KILL, KILLED, SEED = "CRIER_CHAOS_KILL", "CRIER_CHAOS_KILLED", "CRIER_CHAOS_SEED"


@dataclass
class Failpoint:
    """Decides at which call of a step to die.

    Parameters:
        at: `before` or `after` the step.
        which: the number of the call, the share of calls as `5%`, or the target (number, address) it is for.
    """

    step: str
    at: str
    which: str = "1"
    chance: random.Random = field(default_factory=random.Random)
    _calls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def parse(cls, written: str, seed: str = "") -> "Failpoint":
        """The failpoint of `step:before` or `step:after:which`."""
        step, _, rest = written.partition(":")
        at, _, which = rest.partition(":")
        if at not in ("before", "after"):
            raise ValueError(f"{written}: a failpoint is step:before or step:after, then :which")
        return cls(step, at, which or "1", random.Random(f"{seed} {written}"))

    def strikes(self, arguments: tuple[Any, ...], result: Any = None) -> bool:
        """Whether this call is the one. A call that came back with nothing is not counted."""
        if self.which.startswith("+") or "@" in self.which:
            return any(self.which in (getattr(one, "target", None), getattr(one, "to", None)) for one in arguments)
        if isinstance(result, Sized) and not result:
            return False
        with self._lock:
            self._calls += 1
            if self.which.endswith("%"):
                return self.chance.random() < float(self.which[:-1]) / 100
            return self._calls == int(self.which)


def arm(environ: Mapping[str, str]) -> None:
    """Put the failpoints that the environment names around their steps, in this process."""
    for written in filter(None, environ.get(KILL, "").split(",")):
        failpoint = Failpoint.parse(written, environ.get(SEED, ""))
        step = find(failpoint.step)
        setattr(step.owner, step.attribute, _around(step.function, failpoint, functools.partial(die, written, environ)))


def _around(function: Callable[..., Any], failpoint: Failpoint, kill: Callable[[], None]) -> Callable[..., Any]:
    def check(at: str, arguments: tuple[Any, ...], result: Any = None) -> None:
        if failpoint.at == at and failpoint.strikes(arguments, result):
            kill()

    if asyncio.iscoroutinefunction(function):

        @functools.wraps(function)
        async def later(*arguments: Any, **named: Any) -> Any:
            check("before", arguments)
            result = await function(*arguments, **named)
            check("after", arguments, result)
            return result

        return later

    @functools.wraps(function)
    def now(*arguments: Any, **named: Any) -> Any:
        check("before", arguments)
        result = function(*arguments, **named)
        check("after", arguments, result)
        return result

    return now


def die(written: str, environ: Mapping[str, str]) -> None:
    """Say so and SIGKILL the process group."""
    if path := environ.get(KILLED):
        with open(path, "ab", buffering=0) as file:  # noqa: PTH123  nothing between the line and the end
            file.write(f"{time.time()} {written}\n".encode())
    os.killpg(os.getpgrp(), signal.SIGKILL)
