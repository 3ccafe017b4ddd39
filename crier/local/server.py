"""A private server: a program in the foreground, with a folder, a port and a password of its own."""

import atexit
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from crier.local import ports, processes
from crier.local.errors import PortTaken, ServerFailed, last_lines
from crier.local.kept_secret import kept_secret
from crier.local.spawning import launched, spawn


class Server(ABC):
    """A server that this process starts, ends, kills and pauses.

    Parameters:
        folder: everything it keeps: data, password, log. Made when missing, and reusable after a kill.
        port: where it listens on 127.0.0.1; a free one is chosen when None.

    What one process started ends with that process, however it ends.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    start_timeout: ClassVar[float] = 30  # seconds until it must accept connections

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder.expanduser().absolute()
        self.port_was_given = port is not None
        self.port = port or ports.free_port()
        self.log = self.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def password(self) -> str:
        return kept_secret(self.folder / "password")

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect, password included."""

    @abstractmethod
    def initialise(self) -> None:
        """Make the folder ready for `command()`; harmless to repeat, and after a kill at any moment."""

    @abstractmethod
    def program(self) -> list[str]:
        """The arguments of the server itself, in the foreground."""

    @property
    def user(self) -> str | None:
        """The account it must run as; None for our own."""
        return None

    def command(self) -> list[str]:
        """The arguments that run it in the foreground as the right user, for a supervisor."""
        return launched(self.program(), user=self.user)

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it accepts and answers a connection now."""

    def environment(self) -> dict[str, str]:
        """Environment variables that `command()` needs beside those of this process."""
        return {}

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The pid of the server's first process."""
        if self._process is None:
            raise ServerFailed(self.name, "it has not been started")
        return self._process.pid

    def start(self) -> None:
        """Run the server until `stop()`, `kill()` or the end of this process; returns when it answers.

        Raises:
            PortTaken: something else listens on its port.
            ServerFailed: it ended, or did not answer within `start_timeout` seconds.
            ServerMissing: it is not installed.
        """
        if self.running:
            return
        self.initialise()
        if not ports.is_free(self.port):
            if self.port_was_given:
                raise PortTaken(self.name, self.port, ports.owner_of(self.port), "Give another port, or end that.")
            self.port = ports.free_port()
            self.initialise()
        command = launched(self.program(), user=self.user, ends_with_parent=True, stop_signal=self.stop_signal)
        self._process = spawn(command, self.folder, self.log, self.environment())
        atexit.register(self.stop)
        try:
            self.wait_until_ready()
        except ServerFailed:
            self.kill()
            raise

    def wait_until_ready(self, failure: Callable[[], str | None] | None = None, log: Path | None = None) -> None:
        """Wait until it answers.

        Parameters:
            failure: why it will not, once that is known, for one that a supervisor started.
            log: where it writes, when not in its folder.

        Raises:
            ServerFailed: it has ended, or `start_timeout` seconds have passed.
        """
        failure, log = failure or self._failure, log or self.log
        deadline = time.monotonic() + self.start_timeout
        while not self.is_ready():
            if reason := failure():
                raise ServerFailed(self.name, reason, last_lines(log))
            if time.monotonic() > deadline:
                reason = f"no answer on port {self.port} for {self.start_timeout:g} s"
                raise ServerFailed(self.name, reason, last_lines(log))
            time.sleep(0.05)

    def _failure(self) -> str | None:
        if self._process is None or self._process.poll() is None:
            return None
        return f"it ended at once, with code {self._process.returncode}"

    def stop(self, timeout: float = 20) -> None:
        """End it in order; what has not ended after `timeout` seconds is killed."""
        atexit.unregister(self.stop)
        if self._process is None or self._process.poll() is not None:
            return
        self.resume()
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL all of it, as a crash would."""
        if self._process is not None and self._process.poll() is None:
            processes.kill_tree(self._process.pid)
            self._process.wait()

    def pause(self) -> None:
        """SIGSTOP all of it: connections stay open, and nothing answers."""
        processes.pause_tree(self.pid)

    def resume(self) -> None:
        """Continue after `pause()`."""
        processes.resume_tree(self.pid)
