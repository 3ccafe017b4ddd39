"""What can go wrong with a server or a cluster on this machine.

LocalError
├── AlreadyRunning    a cluster runs in this home
├── NotRunning        none does
├── ServerMissing     the software is not installed
└── ServerFailed      it is installed, and did not start, answer or end
    └── PortTaken     another program listens where it should
"""

from pathlib import Path


class LocalError(Exception):
    """Something on this machine is not as it should be; the text says what, and what to do about it."""


class AlreadyRunning(LocalError):
    """A cluster already runs in this home folder."""


class NotRunning(LocalError):
    """No cluster runs in this home folder."""


class ServerMissing(LocalError):
    """The server's software is not installed; the text names the package."""


class ServerFailed(LocalError):
    """A server did not start, answer or end.

    `server` is its name, `reason` one sentence, `log` the last lines it wrote (may be empty).
    """

    def __init__(self, server: str, reason: str, log: str = "") -> None:
        self.server = server
        self.reason = reason
        self.log = log
        super().__init__(f"{server}: {reason}" + (f"\nThe last lines of its log:\n{log}" if log else ""))


class PortTaken(ServerFailed):
    """Another program listens on `port`; `owner` says which, when this user may know."""

    def __init__(self, server: str, port: int, owner: str | None, remedy: str) -> None:
        self.port = port
        self.owner = owner
        by = f" by {owner}" if owner else ""
        super().__init__(server, f"port {port} on 127.0.0.1 is already in use{by}. {remedy}")


def last_lines(path: Path, count: int = 15) -> str:
    """The last `count` lines of a log; empty when there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 200 * count))
        text = log.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-count:])
