"""Where a local cluster keeps its files."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from crier.local.errors import LocalError

# A path longer than this does not fit the address of a Unix socket (108 bytes on Linux, 104 on macOS, one for the
# end); supervisord binds to the name with a dot and its pid behind, and links it.
LONGEST_SOCKET = 103 - len(".4194304")


@dataclass(frozen=True)
class Home:
    """The folder of one local cluster.

    data/               PostgreSQL's and Redis's data: the only thing `crier down` is careful to keep
    logs/               a rotated log per program
    run/                sockets, pids and configuration while it runs; empty otherwise
    secret.key          the key that encrypts what must not be readable in a dump
    credentials.toml    the gateway's address and an API key, for clients on this machine
    """

    root: Path

    @classmethod
    def find(cls) -> "Home":
        """CRIER_HOME, or ~/.crier."""
        return cls(Path(os.environ.get("CRIER_HOME") or "~/.crier").expanduser().absolute())

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def records(self) -> Path:
        """What `launch.py` notes about each program."""
        return self.run / "programs"

    @property
    def secret_key(self) -> Path:
        return self.root / "secret.key"

    @property
    def credentials(self) -> Path:
        return self.root / "credentials.toml"

    def log(self, program: str) -> Path:
        return self.logs / f"{program}.log"

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            LocalError: this user may not write there.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.data, self.logs, self.run, self.records):
                folder.mkdir(mode=0o700, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.run):
                pass
        except OSError as error:
            raise LocalError(
                f"{self.root} cannot be written to ({error.strerror}). "
                "Set CRIER_HOME to a folder of your own, or change its owner."
            ) from error

    def socket(self) -> Path:
        """A new path for the supervisor's socket: in `run/`, or in a temporary folder when that is too long."""
        path = self.run / "supervisor.sock"
        if len(os.fsencode(path)) <= LONGEST_SOCKET:
            return path
        return Path(tempfile.mkdtemp(prefix="crier-")) / "supervisor.sock"

    def clear_run(self, socket: Path | None = None) -> None:
        """Forget a run that is over, the temporary folder of its socket included."""
        if socket and socket.parent != self.run:
            shutil.rmtree(socket.parent, ignore_errors=True)
        shutil.rmtree(self.run, ignore_errors=True)
