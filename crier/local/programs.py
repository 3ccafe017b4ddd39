"""The programs of a local cluster, as plain data."""

import importlib.util
import signal
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

from crier.local.server import Server

WORKERS = ("email", "sms", "whatsapp", "push", "inapp", "webhook", "chat", "cleanup", "campaigns")
LANELESS = frozenset({"cleanup", "campaigns"})
"""Those that send nothing themselves: each has one queue, of its own name."""

# An empty --path: modules come from where Crier is installed. A folder `shared` or `services` in the current
# directory, which is common, must not be taken for ours (PYTHONSAFEPATH says the same to Python itself).
DRAMATIQ_OPTIONS = ("--path", "--processes", "1")
GRACE = ("--worker-shutdown-timeout", "25000")

# Each queue gets an equal share of its worker's threads: four a lane in a service of its own, two when packed.
THREADS_ALONE = 12
THREADS_PACKED = 2 * (3 * (len(WORKERS) - len(LANELESS)) + len(LANELESS))


@dataclass(frozen=True)
class Program:
    """One supervised program.

    Parameters:
        name: of its log, and in every command.
        command: its arguments; runs in the foreground.
        is_server: the database or broker, which starts before and stops after the services.
        user: the account it runs as; None for that of the cluster.
        stop_signal: asks it to end in order.
        folder: where it runs; that of `crier up`, so that relative paths in settings mean what they say.
        grace: seconds it has to do so.
    """

    name: str
    command: tuple[str, ...]
    is_server: bool = False
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    folder: Path = field(default_factory=Path.cwd)
    grace: int = 30


def server_program(name: str, server: Server) -> Program:
    """A private server as a supervised program."""
    return Program(name, tuple(server.program()), True, server.user, server.stop_signal, server.folder)


def services(*, split: bool = False) -> tuple[Program, ...]:
    """The installed services: gateway, relay, scheduler, inbox, and one program for all workers, or one each.

    A service whose folder was removed is left out; the rest runs.
    """
    alone = [
        Program("gateway", (sys.executable, "-m", "services.gateway")),
        Program("relay", (sys.executable, "-m", "services.relay")),
        Program("scheduler", (sys.executable, _script("periodiq"), "services.scheduler", "--path")),
    ]
    if _installed("inapp"):
        alone.append(Program("inbox", (sys.executable, "-m", "services.inapp")))
    workers = [name for name in WORKERS if _installed(name)]
    groups = {name: [name] for name in workers} if split else {"workers": workers} if workers else {}
    return (
        *(program for program in alone if program.name == "inbox" or _installed(program.name)),
        *(Program(name, worker(members)) for name, members in groups.items()),
    )


def worker(services: list[str], *options: str) -> tuple[str, ...]:
    """The command of a process that works for these services. options: more of dramatiq's."""
    modules = (f"services.{name}" for name in services)
    threads = THREADS_ALONE if len(services) == 1 else THREADS_PACKED
    return (sys.executable, "-m", "dramatiq", *modules, *DRAMATIQ_OPTIONS, "--threads", str(threads), *GRACE, *options)


def _installed(service: str) -> bool:
    return importlib.util.find_spec(f"services.{service}") is not None


def _script(name: str) -> str:
    return str(Path(sysconfig.get_path("scripts")) / name)
