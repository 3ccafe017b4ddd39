"""What a side's work costs: processor time and memory. Less at the mercy of a busy machine than any rate."""

import psutil

from bench.run import Run
from bench.scenario import Figure, Figures
from crier.local.processes import tree

MEMORY = Figure("memory", "MB of memory", more_is_better=False)
CPU_ALL = Figure("cpu_all", "the same with PostgreSQL and Redis", more_is_better=False)


def cpu(ratio: float | None = None) -> Figure:
    """The figure of processor time, with its target."""
    return Figure("cpu", "CPU s per 1,000", more_is_better=False, ratio=ratio)


class Meter:
    """Measures from when it is made.

    Parameters:
        names: processes of `run`, of which each counts with its children.
    """

    def __init__(self, run: Run, *names: str) -> None:
        self._pids = [run.pid(name) for name in names]
        self._servers = run.server_pids
        self._before = _cpu(self._pids), _cpu(self._servers)

    def figures(self, count: int) -> Figures:
        """CPU seconds per thousand of `count` messages since, and megabytes held now."""
        own, servers = _cpu(self._pids) - self._before[0], _cpu(self._servers) - self._before[1]
        return {
            "cpu": own / count * 1000,
            "cpu_all": (own + servers) / count * 1000,
            "memory": sum(_memory(process) for pid in self._pids for process in tree(pid)) / 1e6,
        }


def _cpu(pids: list[int]) -> float:
    """Seconds so far. Children that have ended are in their parent's times; living ones are in the tree."""
    return sum(sum(process.cpu_times()[:4]) for pid in pids for process in tree(pid))


def _memory(process: psutil.Process) -> float:
    """Bytes; what processes share is divided among them where the system says so (PSS)."""
    return float(process.memory_full_info().pss if psutil.LINUX else process.memory_info().rss)
