"""The ground both sides run on: one private PostgreSQL and one private Redis, emptied for each run."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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

ROOT = Path(__file__).parents[1]
PATIENCE = 120.0
"""Seconds a run waits for anything: a run that takes longer has lost something."""

WEB_PROCESSES, WEB_THREADS = 2, 16
"""Of the server that accepts, on either side."""


class Run:
    """One run of one side: an empty database, an empty broker, and the processes it starts.

    Attributes:
        database_url, broker_url: of this run alone.
        tally: the file its providers write their calls to.
        server_pids: of the database and of the broker.
    """

    def __init__(self, folder: Path, database_url: str, broker_url: str, server_pids: list[int]) -> None:
        self.server_pids = server_pids
        self.folder = folder
        self.database_url = database_url
        self.broker_url = broker_url
        self.tally = folder / "calls"
        self._running: dict[str, Popen[bytes]] = {}

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
        """Wait until providers were called `count` times."""
        self.wait_until(lambda: called(self.tally) >= count, f"{count} calls of the provider", pause=0.02)

    def pid(self, name: str) -> int:
        """Of a process this run has started."""
        return self._running[name].pid

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


class Ground:
    """The servers, and the empty databases that runs begin with.

    Parameters:
        durable: as in production; False (no fsync) is for tests.
    """

    def __init__(self, *, durable: bool = True) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="crier-bench-"))
        self._postgres = PostgresServer(self._folder / "postgres", durable=durable)
        self._redis = RedisServer(self._folder / "redis", appendonly=False)
        self._runs = 0

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
        with Redis.from_url(self._redis.url) as client:
            client.flushall()
        pids = [self._postgres.pid, self._redis.pid]
        run = Run(folder, self._postgres.database_url(name), self._redis.url, pids)
        try:
            yield run
        finally:
            run.stop()
            # FORCE: what was killed may have left connections.
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")
            # What a run leaves to be written must not slow the next one.
            self._execute("CHECKPOINT")
            shutil.rmtree(folder, ignore_errors=True)

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
