"""How each program of a running cluster is doing."""

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

from crier.local import processes
from crier.local.home import Home
from crier.local.supervisor import Control, Supervised

WORDS = {"STOPPED": "stopped", "EXITED": "restarting", "BACKOFF": "restarting", "STOPPING": "stopping"}
SAMPLE = 0.3  # seconds over which CPU use is measured


@dataclass(frozen=True)
class ProgramState:
    """One program now.

    Parameters:
        state: running, starting, restarting, stopping or stopped.
        uptime: seconds since its last start; None when it does not run.
        restarts: how often it ended by itself and was started again.
        cpu_percent, memory_bytes: of the program and all below it; 100% is one core; the memory is what would
            be free without it. None when not measured.
    """

    name: str
    is_server: bool
    state: str
    pid: int | None
    uptime: float | None
    restarts: int
    cpu_percent: float | None = None
    memory_bytes: int | None = None

    @property
    def is_unsteady(self) -> bool:
        """Whether it ends again and again."""
        return self.restarts >= 2 and (self.uptime is None or self.uptime < 10)


def program_states(control: Control, home: Home, *, measure: bool = False) -> list[ProgramState]:
    """The state of every program; with `measure`, their use of the machine over a third of a second."""
    supervised = control.programs()
    usage = _usage([program.pid for program in supervised if program.pid]) if measure else {}
    return [_state(program, home, usage) for program in supervised]


def _state(program: Supervised, home: Home, usage: dict[int, tuple[float, int]]) -> ProgramState:
    record = _record(home, program.name)
    # Between two starts the launcher waits under the new pid, before it notes it.
    is_up = program.pid != 0 and record.get("pid") == program.pid
    cpu, memory = usage.get(program.pid, (None, None))
    state = "running" if is_up else "restarting" if record else "starting"
    return ProgramState(
        name=program.name,
        is_server=program.is_server,
        state=WORDS.get(program.state, state),
        pid=program.pid or None,
        uptime=max(0.0, time.time() - record["started"]) if is_up else None,
        restarts=max(0, record.get("starts", 1) - 1),
        cpu_percent=cpu,
        memory_bytes=memory,
    )


def _record(home: Home, name: str) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        record: dict[str, Any] = json.loads((home.records / f"{name}.json").read_text())
        return record
    return {}


def _usage(pids: list[int]) -> dict[int, tuple[float, int]]:
    families = {pid: processes.tree(pid) for pid in pids}
    for process in [process for family in families.values() for process in family]:
        with suppress(psutil.Error):
            process.cpu_percent()
    time.sleep(SAMPLE)
    return {
        pid: (sum(_cpu(process) for process in family), sum(_memory(process) for process in family))
        for pid, family in families.items()
    }


def _cpu(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        return float(process.cpu_percent())
    return 0.0


def _memory(process: psutil.Process) -> int:
    with suppress(psutil.AccessDenied, psutil.NoSuchProcess):
        return int(process.memory_full_info().uss)
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0
