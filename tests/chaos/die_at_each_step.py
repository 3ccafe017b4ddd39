"""Calls every step in a process of its own that was told to die there; prints how each ended, as JSON."""

import asyncio
import inspect
import json
import os
import sys

from chaos import failpoints
from chaos.steps import STEPS, find


def how_it_ends(step: str, at: str, killed: str) -> int:
    """The signal that ended a process which called `step`; 0 where none did."""
    child = os.fork()
    if child == 0:
        os.setsid()
        failpoints.arm({failpoints.KILL: f"{step}:{at}", failpoints.KILLED: killed})
        called = find(step).function()
        if inspect.iscoroutine(called):
            asyncio.run(called)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    json.dump({step: how_it_ends(step, "before", sys.argv[1]) for step in STEPS}, sys.stdout)
