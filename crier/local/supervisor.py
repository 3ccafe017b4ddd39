"""supervisord: its configuration, and its control socket."""

import os
import shlex
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import Faults, SupervisorTransport

from crier.local.errors import LocalError
from crier.local.home import Home
from crier.local.kept_secret import write_private
from crier.local.programs import Program
from crier.local.spawning import launched

TIMEOUT = 5.0  # seconds for one answer of supervisord

GENERAL = """\
[supervisord]
logfile = {logs}/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 1
pidfile = {run}/supervisord.pid
childlogdir = {logs}
nodaemon = true
silent = true
{user}
[unix_http_server]
file = {socket}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

# startsecs = 0: a program that ends is started again, whenever and however often it ends; the launcher sees to
# it that this happens once a second at most. With more, supervisord would wait longer after each, and give up.
PROGRAM = """
[program:{name}]
command = {command}
directory = {folder}
priority = {priority}
autostart = false
autorestart = true
startsecs = 0
stopsignal = {signal}
stopwaitsecs = {grace}
killasgroup = true
redirect_stderr = true
stdout_logfile = {log}
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 3
"""

GROUP = """
[group:{name}]
programs = {programs}
priority = {priority}
"""


def write_configuration(path: Path, home: Home, socket: Path, programs: Iterable[Program]) -> None:
    """Write supervisord.conf. It holds no secret: programs inherit supervisord's environment."""
    programs = list(programs)
    text = GENERAL.format(logs=_escape(home.logs), run=_escape(home.run), socket=_escape(socket), user=_user())
    text += "".join(_program(home, program) for program in programs)
    # Groups stop one after the other, the highest priority first; the programs of a group stop together.
    for name, priority, is_server in (("servers", 1, True), ("services", 2, False)):
        members = ",".join(program.name for program in programs if program.is_server is is_server)
        text += GROUP.format(name=name, programs=members, priority=priority) if members else ""
    write_private(path, text)


def _program(home: Home, program: Program) -> str:
    command = launched(
        program.command,
        user=program.user,
        ends_with_parent=True,
        stop_signal=program.stop_signal,
        record=home.records / f"{program.name}.json",
    )
    return PROGRAM.format(
        name=program.name,
        command=_escape(shlex.join(command)),
        folder=_escape(program.folder),
        priority=1 if program.is_server else 2,
        signal=program.stop_signal.name.removeprefix("SIG"),
        grace=program.grace,
        # Relative to the home folder, where supervisord runs: a % in this one value is interpreted twice.
        log=home.log(program.name).relative_to(home.root),
    )


def _user() -> str:
    # Said outright, as supervisord warns when it is root by chance.
    return "user = root\n" if os.geteuid() == 0 else ""


def _escape(text: str | Path) -> str:
    return str(text).replace("%", "%%")


def command(configuration: Path) -> list[str]:
    """The arguments that run supervisord in the foreground."""
    return [sys.executable, "-m", "crier.local.supervise", "-c", str(configuration)]


@dataclass(frozen=True)
class Supervised:
    """What supervisord says about a program: its state in supervisord's words, and its pid (0: none)."""

    name: str
    is_server: bool
    state: str
    pid: int


class Control:
    """supervisord's control socket."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def is_answering(self) -> bool:
        """Whether supervisord is there, and takes orders."""
        try:
            with self._calls() as calls:
                return bool(calls.getState()["statename"] == "RUNNING")
        except LocalError:
            return False

    def programs(self) -> list[Supervised]:
        """Every program, by name, the servers first."""
        with self._calls() as calls:
            found = [
                Supervised(row["name"], row["group"] == "servers", row["statename"], row["pid"])
                for row in calls.getAllProcessInfo()
            ]
        return sorted(found, key=lambda program: not program.is_server)

    def start(self, programs: Iterable[Supervised]) -> None:
        """Start programs; those that run are left alone."""
        for program in programs:
            with self._calls() as calls, _ignoring(Faults.ALREADY_STARTED):
                calls.startProcess(_address(program), False)

    def stop(self, programs: Iterable[Supervised], timeout: float) -> None:
        """Stop programs, all at once, and wait until they have ended.

        Raises:
            LocalError: some have not after `timeout` seconds.
        """
        names = []
        for program in programs:
            names.append(program.name)
            with self._calls() as calls, _ignoring(Faults.NOT_RUNNING):
                calls.stopProcess(_address(program), False)
        deadline = time.monotonic() + timeout
        while left := [p.name for p in self.programs() if p.name in names and p.state not in ENDED]:
            if time.monotonic() > deadline:
                raise LocalError(f"{', '.join(left)} did not end within {timeout:g} s")
            time.sleep(0.05)

    def shutdown(self) -> None:
        """Ask supervisord to end, after all its programs."""
        with self._calls() as calls:
            calls.shutdown()

    @contextmanager
    def _calls(self) -> Iterator[Any]:
        try:
            with xmlrpc.client.ServerProxy("http://localhost", transport=_Transport(self.socket)) as server:
                yield server.supervisor
        except (OSError, HTTPException, xmlrpc.client.ProtocolError) as error:
            raise LocalError(
                f"The supervisor does not answer on {self.socket}: {error!r}. "
                "`crier down` ends everything all the same; `crier up` starts it anew."
            ) from error
        except xmlrpc.client.Fault as fault:
            # SHUTDOWN_STATE, mostly: it answers nothing else while it ends.
            raise LocalError(f"The supervisor refused: {fault.faultString}") from fault


ENDED = ("STOPPED", "EXITED", "FATAL", "UNKNOWN")


def _address(program: Supervised) -> str:
    return f"{'servers' if program.is_server else 'services'}:{program.name}"


@contextmanager
def _ignoring(code: int) -> Iterator[None]:
    try:
        yield
    except xmlrpc.client.Fault as fault:
        if fault.faultCode != code:
            raise


class _Transport(SupervisorTransport):
    """supervisor's transport over a Unix socket, which otherwise waits for ever."""

    _get_connection: Callable[[], HTTPConnection]

    def __init__(self, socket: Path) -> None:
        super().__init__(serverurl=f"unix://{socket}")
        connect = self._get_connection

        def connect_with_timeout() -> HTTPConnection:
            connection = connect()
            connection.connect()
            connection.sock.settimeout(TIMEOUT)
            return connection

        self._get_connection = connect_with_timeout
