"""Everything on one machine, supervised: embedded servers, gateway, relay, scheduler and workers."""

import difflib
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

from cryptography.fernet import Fernet

from crier.local import ports, processes, programs, startup
from crier.local.endpoints import Endpoints
from crier.local.errors import AlreadyRunning, LocalError, NotRunning, PortTaken
from crier.local.first_key import first_key
from crier.local.home import Home
from crier.local.kept_secret import write_private
from crier.local.leftovers import end_leftovers
from crier.local.programs import Program, server_program
from crier.local.running import Running
from crier.local.states import ProgramState, program_states
from crier.local.supervisor import Control, Supervised

DEFAULT_PORT = 8025
EXAMPLE_ORIGINS = "http://localhost:8027,http://127.0.0.1:8027"  # of the pages in examples/bell
STOP = 40.0  # seconds; above the longest grace of a program

Step = Callable[[str], AbstractContextManager[None]]
"""Told what is being done, for as long as it takes."""

Services = Callable[[bool], Iterable[Program]]
"""The services to run, given whether each worker shall have a process of its own."""


def silently(_: str) -> AbstractContextManager[None]:
    """The step that tells nobody."""
    return nullcontext()


def installed_services(split: bool) -> Iterable[Program]:
    """Those of this installation."""
    return programs.services(split=split)


class Cluster:
    """The cluster of one home folder."""

    def __init__(self, home: Home, services: Services = installed_services) -> None:
        self.home = home
        self._services = services

    def running(self) -> Running:
        """The running cluster.

        Raises:
            NotRunning: there is none.
        """
        running = Running.read(self.home)
        if running is None or not running.is_alive():
            raise NotRunning(f"No cluster is running in {self.home.root}. Start one with `crier up`.")
        return running

    def states(self, *, measure: bool = False) -> list[ProgramState]:
        """How each program is doing; with `measure`, what it uses.

        Raises:
            NotRunning: there is no cluster.
        """
        return program_states(self._control(self.running()), self.home, measure=measure)

    def up(
        self, *, split: bool = False, port: int | None = None, foreground: bool = False, step: Step = silently
    ) -> Running:
        """Start everything, and return when it works.

        Parameters:
            split: one process per worker service, as in production.
            port: of the gateway; CRIER_GATEWAY_PORT or 8025 when None.
            foreground: it ends with this process, however that ends (on Linux).

        Raises:
            AlreadyRunning: it runs.
            PortTaken, ServerMissing, ServerFailed, LocalError: what did not start, and why. Then nothing of it
                is left running.
        """
        self.home.prepare()
        with self._alone():
            self._refuse_if_running()
            self._forget_last_run(step)
            port = _check_port(port or chosen_port())
            inbox_port = chosen_inbox_port(port)
            endpoints = Endpoints.choose(self.home)
            startup.prepare_servers(endpoints, step)
            table = [
                *(server_program(name, server) for name, server in endpoints.servers.items()),
                *self._services(split),
            ]
            with ExitStack() as on_failure:
                on_failure.callback(self._end, silently)
                environment = self._environment(endpoints, port, inbox_port)
                running = startup.start_supervisor(self.home, table, environment, port, foreground)
                startup.start_servers(self._control(running), self.home, endpoints, step)
                with step("Ledger: tables up to date"):
                    startup.migrate(endpoints.database_url)
                with step(f"API key in {self.home.credentials}"):
                    first_key(self.home, endpoints.database_url, running.url)
                self._start_services(running, step)
                on_failure.pop_all()
            return running

    def down(self, step: Step = silently) -> bool:
        """End everything in order, what a killed run left behind included; returns whether it ran."""
        if not self.home.root.exists():
            return False
        with self._alone():
            return self._end(step)

    def clear_after_end(self) -> bool:
        """Once the supervisor has ended: wait for the `down` that ended it, or end what it left behind.

        Returns whether it ended without being told.
        """
        with self._alone(wait=True):
            was_told = Running.read(self.home) is None
            self._end(silently)
            return not was_told

    def restart(self, name: str | None = None, step: Step = silently) -> None:
        """Stop and start one program, or all services (not the servers) when None.

        Raises:
            NotRunning: there is no cluster.
            LocalError: there is no such program; it does not stay up.
        """
        running = self.running()
        with self._alone():
            control = self._control(running)
            chosen = _choose(control.programs(), name)
            names = [program.name for program in chosen]
            with step(f"Restart {', '.join(names)}"):
                control.stop(chosen, STOP)
                for program in chosen:
                    (self.home.records / f"{program.name}.json").unlink(missing_ok=True)
                control.start(chosen)
                startup.wait_until_steady(control, self.home, running.url, names)

    def _start_services(self, running: Running, step: Step) -> None:
        control = self._control(running)
        services = [program for program in control.programs() if not program.is_server]
        names = [program.name for program in services]
        with step(f"Services: {', '.join(names)}"):
            control.start(services)
            startup.wait_until_steady(control, self.home, running.url, names)

    @staticmethod
    def _control(running: Running) -> Control:
        return Control(Path(running.socket))

    @contextmanager
    def _alone(self, *, wait: bool = False) -> Iterator[None]:
        with (self.home.root / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise LocalError(
                    f"Another `crier up`, `down` or `restart` is at work in {self.home.root}: wait for it to end."
                ) from None
            yield

    def _refuse_if_running(self) -> None:
        running = Running.read(self.home)
        if running and running.is_alive():
            raise AlreadyRunning(
                f"A cluster is already running in {self.home.root}: gateway {running.url}, supervisor pid "
                f"{running.pid}. `crier status` shows it, `crier down` ends it; CRIER_HOME names another home."
            )

    def _forget_last_run(self, step: Step) -> None:
        last = Running.read(self.home)
        if any(self.home.records.glob("*.json")):
            with step("Ending what a killed run left behind"):
                end_leftovers(self.home)
        self.home.clear_run(Path(last.socket) if last else None)
        self.home.prepare()

    def _environment(self, endpoints: Endpoints, gateway_port: int, inbox_port: int) -> dict[str, str]:
        return {
            "CRIER_HOME": str(self.home.root),
            **endpoints.environment(),
            "CRIER_SECRET_KEY": os.environ.get("CRIER_SECRET_KEY") or self._secret_key(),
            "CRIER_GATEWAY_PORT": str(gateway_port),
            "CRIER_INAPP_PORT": str(inbox_port),
            "CRIER_INAPP_URL": os.environ.get("CRIER_INAPP_URL") or f"http://127.0.0.1:{inbox_port}",
            "CRIER_INAPP_ORIGINS": os.environ.get("CRIER_INAPP_ORIGINS") or EXAMPLE_ORIGINS,
            "CRIER_LOG_FORMAT": "json",
            "PYTHONUNBUFFERED": "1",
            "PYTHONSAFEPATH": "1",
        }

    def _secret_key(self) -> str:
        if not self.home.secret_key.exists():
            write_private(self.home.secret_key, Fernet.generate_key().decode())
        return self.home.secret_key.read_text().strip()

    def _end(self, step: Step) -> bool:
        running = Running.read(self.home)
        was_running = running is not None and running.is_alive()
        if running and was_running:
            self._stop_in_order(self._control(running), step)
            # It may be paused, or deaf: signals reach it all the same.
            supervisord = processes.tree(running.pid)[:1]
            processes.resume_tree(running.pid)
            processes.send(supervisord, startup.STOP_SUPERVISOR)
            if processes.wait_gone(supervisord, STOP):
                processes.kill_tree(running.pid)
        end_leftovers(self.home)
        self.home.clear_run(Path(running.socket) if running else None)
        return was_running

    @staticmethod
    def _stop_in_order(control: Control, step: Step) -> None:
        if not control.is_answering():
            return
        for is_server in (False, True):
            members = [p for p in control.programs() if p.is_server is is_server and p.pid]
            if members:
                with step(f"Stop {', '.join(program.name for program in members)}"):
                    control.stop(members, STOP)


def _choose(programs: list[Supervised], name: str | None) -> list[Supervised]:
    if name is None:
        return [program for program in programs if not program.is_server]
    chosen = [program for program in programs if program.name == name]
    if not chosen:
        names = [program.name for program in programs]
        near = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise LocalError(f"No program is called {name}.{hint} There are: {', '.join(names)}.")
    return chosen


def chosen_port() -> int:
    """The gateway's port: CRIER_GATEWAY_PORT, or the default.

    Raises:
        LocalError: the variable holds no port.
    """
    value = os.environ.get("CRIER_GATEWAY_PORT") or str(DEFAULT_PORT)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise LocalError(f"CRIER_GATEWAY_PORT must be a port between 1 and 65535, not {value!r}.")
    return int(value)


def chosen_inbox_port(gateway: int) -> int:
    """The port of browsers' inboxes: CRIER_INAPP_PORT, the one after the gateway's, or where that is taken any other.

    Raises:
        LocalError: the variable holds no port. PortTaken: somebody has it.
    """
    if value := os.environ.get("CRIER_INAPP_PORT"):
        if not value.isdecimal() or not 0 < int(value) < 65536:
            raise LocalError(f"CRIER_INAPP_PORT must be a port between 1 and 65535, not {value!r}.")
        if not ports.is_free(int(value)):
            remedy = "Set CRIER_INAPP_PORT to another, or end that program."
            raise PortTaken("inbox", int(value), ports.owner_of(int(value)), remedy)
        return int(value)
    return gateway + 1 if gateway < 65535 and ports.is_free(gateway + 1) else ports.free_port()


def _check_port(port: int) -> int:
    if not ports.is_free(port):
        remedy = "Choose another with `crier up --port N` or CRIER_GATEWAY_PORT, or end that program."
        raise PortTaken("gateway", port, ports.owner_of(port), remedy)
    return port
