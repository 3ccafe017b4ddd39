"""Processor priority: who makes way when there is too little processor time for all."""

import os
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)
_AUTOGROUP = Path("/proc/self/autogroup")


def make_way(queues: frozenset[str], niceness: int) -> None:
    """Lower this process's priority by `niceness` (0 to 19), unless it works for a critical lane.

    Linux shares processor time between sessions before it looks at `nice` values within one (sched(7), "The autogroup
    feature"), so where the worker has its session to itself, as under systemd, that is lowered too. Between containers
    neither counts: their processor shares do.
    """
    if not niceness or any(queue.endswith(".critical") for queue in queues):
        return
    os.nice(niceness)
    if os.getsid(0) in (os.getpid(), os.getppid()):  # else others are in the session
        try:
            _AUTOGROUP.write_text(str(niceness))
        except OSError as error:
            log.debug("the session's priority stays as it is", reason=str(error))
