"""The `crier` command as people run it: a process, in a home folder of its own."""

import json
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest

from crier.local import ports, processes
from crier.local.cluster import Cluster
from crier.local.home import Home
from crier.local.spawning import launched
from tests.e2e.conftest import System

SCRIPT = str(Path(sysconfig.get_path("scripts")) / "crier")
NOT_OURS = ("CRIER_", "COLUMNS", "NO_COLOR", "FORCE_COLOR")


@dataclass(frozen=True)
class Terminal:
    """Runs `crier` in one home folder, with a gateway port of its own."""

    home: Home
    port: int

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        return {**kept, "CRIER_HOME": str(self.home.root), "CRIER_GATEWAY_PORT": str(self.port), "COLUMNS": "120"}

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPT, *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    @contextmanager
    def spawn(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """`crier` at work, and what it prints; ended with the test, and with the process of the tests."""
        command = launched([SCRIPT, *arguments], ends_with_parent=True)
        with subprocess.Popen(
            command,
            env={**self.environment, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def family(self) -> list[psutil.Process]:
        """supervisord and everything it runs."""
        return processes.tree(Cluster(self.home).running().pid)


@pytest.fixture
def terminal(server_folder: Path) -> Iterator[Terminal]:
    """A home folder in which nothing runs yet."""
    terminal = Terminal(Home(server_folder), ports.free_port())
    yield terminal
    Cluster(terminal.home).down()


@pytest.fixture(scope="module")
def running(servers_folder: Path) -> Iterator[Terminal]:
    """A home folder in which everything runs, with the real services; shared by the tests of a module."""
    terminal = Terminal(Home(servers_folder / f"home-{os.urandom(4).hex()}"), ports.free_port())
    with terminal.spawn("up") as up:
        assert up.stdout is not None
        shown = ""
        for line in up.stdout:
            shown += line
            if "Crier is up" in line:
                break
        else:
            pytest.fail(shown)
        # Nobody reads on: it must not wait for that.
        Thread(target=up.stdout.read, daemon=True).start()
        yield terminal
        Cluster(terminal.home).down()


@dataclass(frozen=True)
class Client(Terminal):
    """Runs `crier` with the address and a key of a gateway that runs elsewhere."""

    key: str

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "CRIER_URL": f"http://127.0.0.1:{self.port}", "CRIER_API_KEY": self.key}

    def json(self, *arguments: str) -> Any:
        """What `--json` prints."""
        result = self.run(*arguments, "--json")
        assert result.stdout, result.stderr
        return json.loads(result.stdout)

    def on_screen(self, *arguments: str) -> str:
        """Everything it shows in a terminal."""
        ours, its = os.openpty()
        with launched_in(its, [SCRIPT, *arguments], self.environment | {"TERM": "xterm"}):
            os.close(its)
            shown = b""
            # Linux says EIO at the end of a terminal that nobody has open any more.
            with suppress(OSError):
                while piece := os.read(ours, 65_536):
                    shown += piece
        os.close(ours)
        return shown.decode()


@contextmanager
def launched_in(terminal: int, command: list[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, stdin=terminal, stdout=terminal, stderr=terminal)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def typed(served: System, tmp_path: Path) -> Client:
    """`crier` for this module's gateway."""
    return Client(Home(tmp_path / "home"), served.gateway_port, served.key)
