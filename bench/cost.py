"""What a side's work costs: processor time and memory. Less at the mercy of a busy machine than any rate."""

import os
from collections.abc import Iterable
from contextlib import suppress

import psutil

from bench.run import Run
from bench.scenario import Figure, Figures
from crier.local.processes import tree

MEMORY = Figure("memory", "MB of memory", more_is_better=False)
CPU_ALL = Figure("cpu_all", "the same with PostgreSQL and Redis", more_is_better=False)

_TICK = 1 / os.sysconf("SC_CLK_TCK")


def cpu(target: str = "", ratio: float | None = None, against: str = "") -> Figure:
    """The figure of processor time, with its target."""
    return Figure("cpu", "CPU s per 1,000", target, more_is_better=False, ratio=ratio, against=against)


class Meter:
    """Measures from when it is made.

    Parameters:
        names: processes of `run`, of which each counts with its children.
    """

    def __init__(self, run: Run, *names: str) -> None:
        self._pids = [run.pid(name) for name in names]
        self._servers = run.server_pids
        self._before = cpu_seconds(self._pids), cpu_seconds(self._servers)

    def figures(self, count: int) -> Figures:
        """CPU seconds per thousand of `count` messages since, and megabytes held now."""
        # Less than a tick of the system's clock cannot be told from nothing.
        own = max(cpu_seconds(self._pids) - self._before[0], _TICK)
        servers = cpu_seconds(self._servers) - self._before[1]
        return {
            "cpu": own / count * 1000,
            "cpu_all": (own + servers) / count * 1000,
            "memory": sum(sum(memory_of_each(pid)) for pid in self._pids) / 1e6,
        }


def cpu_seconds(pids: Iterable[int]) -> float:
    """What programs have used so far. Children that have ended are in their parent's times; living ones are added."""
    return sum(_seconds(process) for pid in pids for process in tree(pid))


def memory_of_each(pid: int) -> list[float]:
    """Bytes of each process of a program; what they share is divided among them where the system says so (PSS)."""
    return [_memory(process) for process in tree(pid)]


# A process may end while it is looked at.
def _seconds(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        return sum(process.cpu_times()[:4])
    return 0.0


def _memory(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        return float(process.memory_full_info().pss if psutil.LINUX else process.memory_info().rss)
    return 0.0
