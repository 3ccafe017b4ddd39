"""The cluster that runs in a home folder, as noted in `run/cluster.json`."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from crier.local import processes
from crier.local.home import Home
from crier.local.kept_secret import write_private


@dataclass(frozen=True)
class Running:
    """A running cluster.

    Parameters:
        pid, created: of supervisord; `created` is the process's start time, as a pid may be given away later.
        socket: of supervisord.
        gateway_port: where the gateway listens on 127.0.0.1.
        environment: the variables every service was started with beside those of the shell: the way to the
            database and the broker for other commands on this machine.
    """

    pid: int
    created: float
    socket: str
    gateway_port: int
    environment: dict[str, str] = field(repr=False)

    @classmethod
    def read(cls, home: Home) -> "Running | None":
        """What was noted last, whether that still runs or not."""
        try:
            return cls(**json.loads(cls._file(home).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, home: Home) -> None:
        write_private(self._file(home), json.dumps(asdict(self)))

    @staticmethod
    def _file(home: Home) -> Path:
        return home.run / "cluster.json"

    def is_alive(self) -> bool:
        """Whether its supervisord still runs."""
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.created) < 1 and processes.is_alive(process)
        except psutil.NoSuchProcess:
            return False

    @property
    def url(self) -> str:
        """The gateway's address."""
        return f"http://127.0.0.1:{self.gateway_port}"
