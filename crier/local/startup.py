"""The steps by which a cluster starts."""

import signal
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager

import psutil
import requests

from crier.local import supervisor
from crier.local.endpoints import Endpoints
from crier.local.errors import ServerFailed, last_lines
from crier.local.home import Home
from crier.local.programs import Program
from crier.local.running import Running
from crier.local.spawning import launched, spawn
from crier.local.states import ProgramState, program_states
from crier.local.supervisor import Control

SUPERVISOR_START = 15.0  # seconds
SERVICES_START = 60.0
STEADY = 2.0  # seconds a service must have run before it counts as started
STOP_SUPERVISOR = signal.SIGTERM

Step = Callable[[str], AbstractContextManager[None]]


def prepare_servers(endpoints: Endpoints, step: Step) -> None:
    """Make the embedded servers' folders; see that the others answer.

    Raises:
        LocalError: one cannot be reached; the variable that names it is named.
    """
    for server in endpoints.servers.values():
        with step(f"{server.name}: data in {server.folder}"):
            server.initialise()
    for variable, check in endpoints.checks().items():
        with step(f"Server of {variable}"):
            check()


def start_supervisor(
    home: Home,
    programs: Iterable[Program],
    environment: Mapping[str, str],
    gateway_port: int,
    foreground: bool,
) -> Running:
    """Start supervisord, with no program running yet."""
    socket, configuration = home.socket(), home.run / "supervisord.conf"
    supervisor.write_configuration(configuration, home, socket, programs)
    command = launched(supervisor.command(configuration), ends_with_parent=foreground, stop_signal=STOP_SUPERVISOR)
    output = home.run / "supervisord.out"
    process = spawn(command, home.root, output, environment)
    running = Running(
        process.pid, psutil.Process(process.pid).create_time(), str(socket), gateway_port, dict(environment)
    )
    running.write(home)
    deadline = time.monotonic() + SUPERVISOR_START
    while not Control(socket).is_answering():
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerFailed("supervisord", "it did not start", last_lines(output))
        time.sleep(0.05)
    return running


def start_servers(control: Control, home: Home, endpoints: Endpoints, step: Step) -> None:
    """Start the embedded servers, and wait until they answer."""
    control.start(program for program in control.programs() if program.is_server)
    for name, server in endpoints.servers.items():

        def failure(name: str = name) -> str | None:
            state = next(state for state in program_states(control, home) if state.name == name)
            return "it ends again and again" if state.is_unsteady else None

        with step(f"{server.name} on 127.0.0.1:{server.port}"):
            server.wait_until_ready(failure, home.log(name))


def migrate(database_url: str) -> None:
    """Bring the ledger's tables and the shipped templates up to date."""
    # Imported here, as it takes longer than all the rest.
    from shared.setup import prepare

    prepare(database_url)


def wait_until_steady(control: Control, home: Home, gateway_url: str, names: Collection[str]) -> None:
    """Wait until these programs have run for a while, and the gateway, if it is among them, says it is ready.

    Raises:
        ServerFailed: one ends again and again, or is not there after a minute.
    """
    deadline = time.monotonic() + SERVICES_START
    while waiting := _not_yet_steady([s for s in program_states(control, home) if s.name in names], gateway_url):
        state = waiting[0]
        if state.is_unsteady or time.monotonic() > deadline:
            reason = "it ends again and again" if state.is_unsteady else "it is not ready after a minute"
            raise ServerFailed(state.name, reason, last_lines(home.log(state.name)))
        time.sleep(0.1)


def _not_yet_steady(states: list[ProgramState], gateway_url: str) -> list[ProgramState]:
    """Those not yet steady; the unsteady first."""
    waiting = [state for state in states if (state.uptime or 0) < STEADY]
    if not waiting:
        return [state for state in states if state.name == "gateway" and not is_ready(gateway_url)]
    return sorted(waiting, key=lambda state: not state.is_unsteady)


def is_ready(gateway_url: str) -> bool:
    """Whether the gateway says that it can accept notifications."""
    try:
        return bool(requests.get(f"{gateway_url}/readyz", timeout=3).ok)
    except requests.RequestException:
        return False
