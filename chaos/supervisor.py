"""Processes that are started again when they die, as a supervisor or an orchestrator does."""

import os
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from chaos import failpoints
from crier.local.programs import DRAMATIQ_OPTIONS, GRACE, THREADS_ALONE
from crier.local.spawning import launched, spawn

ROOT = Path(__file__).parents[1]
_ROUND = 0.1
_WORKER = ("-m", "dramatiq", "chaos.hosted", *DRAMATIQ_OPTIONS, "--threads", str(THREADS_ALONE), *GRACE)
_PERIODIQ = str(Path(sysconfig.get_path("scripts")) / "periodiq")
_OTHERS: Mapping[str, Sequence[str]] = {
    "gateway": ("-m", "chaos.hosted", "gateway"),
    "relay": ("-m", "chaos.hosted", "relay"),
    "scheduler": (_PERIODIQ, "chaos.hosted", "--path", str(ROOT)),
}


class Supervised:
    """One copy of a service.

    Parameters:
        name: the service, and which copy of it after a dash: `sms`, `relay-2`.
        environment: of every start.
        first: of the first start alone, such as a failpoint: who was killed is started whole.
    """

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str], first: Mapping[str, str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._service = name.partition("-")[0]
        self._environment = {**environment, "CRIER_CHAOS_SERVICE": self._service}
        self.starts = 0
        self.wanted = True
        self._start({**self._environment, **first})

    def _start(self, environment: Mapping[str, str]) -> None:
        arguments = _OTHERS.get(self._service, _WORKER)
        command = launched([sys.executable, *arguments], ends_with_parent=True)
        # What is random must be another thing after each restart, and the same thing with the same seed.
        seed = f"{environment.get(failpoints.SEED, '')} {self.name} {self.starts}"
        self.process: subprocess.Popen[bytes] = spawn(command, ROOT, self.log, {**environment, failpoints.SEED: seed})
        self.starts += 1

    def look(self) -> None:
        """Start it again if it died and is wanted."""
        if self.wanted and self.process.poll() is not None:
            self.kill()  # what its parent left
            self._start(self._environment)

    def kill(self) -> None:
        """SIGKILL, all of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def terminate(self, patience: float = 60) -> float:
        """SIGTERM; how many seconds it took to end. What has not ended after `patience` is killed."""
        began = time.monotonic()
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(patience)
        took = time.monotonic() - began
        self.kill()
        return took


class Supervisor:
    """Looks after the processes of one system.

    Parameters:
        folder: for their logs and for the list of kills.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.killed = folder / "killed"
        self._all: dict[str, Supervised] = {}
        self._lock = threading.RLock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._end.wait(_ROUND):
            with self._lock:
                for one in self._all.values():
                    one.look()

    def start(self, name: str, environment: Mapping[str, str], kill: str | None = None) -> None:
        """Start a copy of a service, and keep it running.

        Parameters:
            kill: a failpoint for its first start (`chaos.failpoints`).
        """
        first = {failpoints.KILL: kill, failpoints.KILLED: str(self.killed)} if kill else {}
        with self._lock:
            self._all[name] = Supervised(name, self.folder, environment, first)

    def kill(self, name: str) -> float:
        """SIGKILL it now; it is started again at once. The moment (Unix time)."""
        with self._lock:
            self._all[name].kill()
            return time.time()

    def terminate(self, name: str) -> float:
        """SIGTERM; seconds until it ended. It is started again after that."""
        one = self._all[name]
        with self._lock:
            one.wanted = False
        try:
            return one.terminate()
        finally:
            with self._lock:
                one.wanted = True

    def remove(self, name: str) -> None:
        """Kill it for good."""
        with self._lock:
            self._all.pop(name).kill()

    def starts(self, name: str) -> int:
        """How often it was started."""
        return self._all[name].starts

    def pid(self, name: str) -> int:
        """Of its first process."""
        return self._all[name].process.pid

    def kills(self) -> list[tuple[float, str]]:
        """The failpoints that struck: the moment (Unix time) and which."""
        lines = self.killed.read_text().splitlines() if self.killed.exists() else []
        return [(float(moment), written) for moment, written in (line.split(" ", 1) for line in lines)]

    @property
    def names(self) -> list[str]:
        """Of what it looks after."""
        return list(self._all)

    def logs(self, characters: int = 1500) -> str:
        """The end of what each of them printed."""
        return "\n".join(
            f"--- {one.name}\n{one.log.read_text(errors='replace')[-characters:]}" for one in self._all.values()
        )

    def stop(self) -> None:
        """Kill everything for good."""
        self._end.set()
        self._thread.join()
        for one in self._all.values():
            one.kill()
        self._all.clear()
