"""The ground both sides run on: one private PostgreSQL and one private Redis, emptied for each run."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from urllib.error import URLError
from urllib.request import urlopen

import psycopg
from redis import Redis

from bench import peer
from bench.tally import Inexact, called
from crier.local.errors import last_lines
from crier.local.postgres import PostgresServer
from crier.local.processes import kill_tree
from crier.local.redis import RedisServer
from crier.local.spawning import launched, spawn
from shared.ledger.migrations import upgrade

Filler = Callable[[str], None]

ROOT = Path(__file__).parents[1]
PATIENCE = 120.0
"""Seconds a run waits for anything: a run that takes longer has lost something."""

WEB_PROCESSES, WEB_THREADS = 2, 16
"""Of the server that accepts, on either side."""

WORKER_PROCESSES = 2
"""Of ours, unless told otherwise: one a core of the machine that was measured."""


class Run:
    """One run of one side: an empty database, an empty broker, and the processes it starts.

    Attributes:
        database_url, broker_url: of this run alone.
        tally: the file its providers write their calls to.
        server_pids: of the database and of the broker.
        processes: of our workers.
    """

    def __init__(self, ground: "Ground", folder: Path, name: str) -> None:
        self._ground = ground
        self._name = name
        self.folder = folder
        self.database_url = ground.database_url(name)
        self.broker_url = ground.broker_url
        self.server_pids = ground.server_pids
        self.processes = ground.processes
        self.tally = folder / "calls"
        self._running: dict[str, Popen[bytes]] = {}

    def begin_with(self, name: str, fill: Filler) -> None:
        """Have a copy of the database that `fill`, given the URL of an empty one of ours, made once per bench."""
        self.database_url = self._ground.copy(self._ground.filled(name, fill), self._name)

    def begin_in(self, name: str, fill: Filler) -> None:
        """Work in such a database itself, where a copy would be too large; what this run adds stays."""
        self.database_url = self._ground.database_url(self._ground.filled(name, fill))

    def have_done_with(self, name: str) -> None:
        """Drop such a database, whose vacuuming and size would be in the way of others."""
        self.stop()
        self._ground.drop_filled(name)

    def forget_calls(self) -> None:
        """Begin a new tally, and a new broker. No provider runs."""
        self.tally.unlink(missing_ok=True)
        self._ground.empty_broker()

    def start(self, name: str, *arguments: str, environment: Mapping[str, str]) -> None:
        """Start `python -m …` with its output in a log; it ends with this process whatever happens."""
        command = launched([sys.executable, "-m", *arguments], ends_with_parent=True)
        self._running[name] = spawn(command, ROOT, self._log(name), environment)

    def stop(self, *names: str) -> None:
        """Have processes (all, if none is named) end in order, and make sure of it."""
        stopping = [self._running.pop(name) for name in names or list(self._running)]
        for process in stopping:
            process.terminate()
        for process in stopping:
            try:
                process.wait(20)
            except TimeoutExpired:
                kill_tree(process.pid)
                process.wait()

    def wait_until(self, condition: Callable[[], bool], what: str, *, pause: float = 0.05) -> None:
        """Poll until `condition` holds. Raises `Inexact`, with what the processes said, when it does not in time."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            ended = [name for name, process in self._running.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                why = f"{', '.join(ended)} ended" if ended else f"not within {PATIENCE:g} s"
                logs = "\n".join(f"--- {name}\n{last_lines(self._log(name))}" for name in self._running)
                raise Inexact(f"{what}: {why}\n{logs}")
            time.sleep(pause)

    def wait_for_http(self, port: int) -> None:
        """Wait until a server on `port` says that it is ready."""
        self.wait_until(lambda: _answers(port), f"an answer on port {port}")

    def wait_for_calls(self, count: int) -> None:
        """Wait until providers were called `count` times, for as long as calls keep coming."""
        # In steps: a million take longer than any one thing may.
        for step in [*range(called(self.tally), count, 20_000), count]:
            self.wait_until(partial(self._were_called, step), f"{count} calls of the provider", pause=0.02)

    def _were_called(self, count: int) -> bool:
        return called(self.tally) >= count

    def pid(self, name: str) -> int:
        """Of a process this run has started."""
        return self._running[name].pid

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


class Ground:
    """The servers, and the empty databases that runs begin with.

    Parameters:
        durable: as in production; False (no fsync) is for tests.
        processes: of our workers.
    """

    def __init__(self, *, durable: bool = True, processes: int = WORKER_PROCESSES) -> None:
        self.processes = processes
        self._folder = Path(tempfile.mkdtemp(prefix="crier-bench-"))
        self._postgres = PostgresServer(self._folder / "postgres", durable=durable)
        self._redis = RedisServer(self._folder / "redis", appendonly=False)
        self._runs = 0
        self._filled = set[str]()

    def __enter__(self) -> "Ground":
        self._postgres.start()
        self._redis.start()
        for name, prepare in (("empty_crier", upgrade), ("empty_peer", peer.make_tables)):
            self._execute(f"CREATE DATABASE {name}")
            prepare(self._postgres.database_url(name))
        return self

    def __exit__(self, *_: object) -> None:
        self._redis.stop()
        self._postgres.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def run(self, side: str) -> Iterator[Run]:
        """A run of `crier` or of the `peer`."""
        self._runs += 1
        name = f"run_{self._runs}"
        folder = self._folder / name
        folder.mkdir()
        self._execute(f"CREATE DATABASE {name} TEMPLATE empty_{side}")
        self.empty_broker()
        run = Run(self, folder, name)
        try:
            yield run
        finally:
            run.stop()
            # FORCE: what was killed may have left connections.
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")
            # What a run leaves to be written must not slow the next one.
            self._execute("CHECKPOINT")
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def broker_url(self) -> str:
        """Of the one broker."""
        return self._redis.url

    @property
    def server_pids(self) -> list[int]:
        """Of the database and of the broker."""
        return [self._postgres.pid, self._redis.pid]

    def database_url(self, name: str) -> str:
        """Of a database."""
        return self._postgres.database_url(name)

    def filled(self, name: str, fill: Filler) -> str:
        """The name of a database of ours that `fill` has filled, the first time it is asked for."""
        database = f"filled_{name}"
        if name not in self._filled:
            self._execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
            self._execute(f"CREATE DATABASE {database} TEMPLATE empty_crier")
            fill(self.database_url(database))
            self._filled.add(name)
        return database

    def drop_filled(self, name: str) -> None:
        """Drop a database that was filled; it would be filled again."""
        self._execute(f"DROP DATABASE filled_{name} WITH (FORCE)")
        self._filled.remove(name)

    def copy(self, database: str, name: str) -> str:
        """Make database `name` a copy of another; its URL."""
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._execute(f"CREATE DATABASE {name} TEMPLATE {database} STRATEGY file_copy")
        return self.database_url(name)

    def empty_broker(self) -> None:
        """Forget all bells and tasks."""
        with Redis.from_url(self._redis.url) as client:
            client.flushall()

    def versions(self) -> dict[str, str]:
        """Of the servers."""
        with psycopg.connect(self._postgres.url) as connection, Redis.from_url(self._redis.url) as client:
            shown = connection.execute("SHOW server_version").fetchone()
            return {"PostgreSQL": shown[0] if shown else "?", "Redis": client.info("server")["redis_version"]}

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._postgres.database_url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
