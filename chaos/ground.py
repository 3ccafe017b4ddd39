"""The ground rows run on: a private PostgreSQL, durable as production's, and a private broker."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from chaos.brokers import BROKERS
from chaos.row import SHORT, Row
from chaos.system import System
from crier.local.postgres import PostgresServer
from shared.ledger.migrations import upgrade

_TEMPLATE = "empty"


class Ground:
    """Servers of one run.

    Parameters:
        broker: `redis` or `rabbitmq`.
        keep: leave the folder with every log behind.
        durable: as in production; False (no fsync) is for tests of the rows themselves.
    """

    def __init__(self, broker: str, *, keep: bool = False, durable: bool = True) -> None:
        self.name = broker
        self.folder = Path(tempfile.mkdtemp(prefix=f"crier-chaos-{broker}-"))
        # PostgreSQL runs as another user where this is root.
        self.folder.chmod(0o755)
        self._keep = keep
        self.postgres = PostgresServer(self.folder / "postgres", durable=durable)
        self.broker = BROKERS[broker](self.folder)
        self._runs = 0

    def __enter__(self) -> "Ground":
        self.postgres.start()
        self.broker.server.start()
        self._execute(f"CREATE DATABASE {_TEMPLATE}")
        upgrade(self.postgres.database_url(_TEMPLATE))
        return self

    def __exit__(self, *_: object) -> None:
        self.broker.server.stop()
        self.postgres.stop()
        if not self._keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def system(self, row: Row, *, seed: int, quick: bool) -> Iterator[System]:
        """An empty system for a row."""
        self._runs += 1
        name = f"row_{self._runs}"
        folder = self.folder / name
        folder.mkdir()
        self._execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        url = self.postgres.database_url(name)
        settings = {**SHORT, **row.settings}
        system = System(
            folder, self.postgres, url, self.broker, seed=f"{seed} {row.fault}", quick=quick, settings=settings
        )
        try:
            yield system
        finally:
            system.close()
            self._mend()
            # FORCE: what was killed may have left connections.
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def versions(self) -> dict[str, str]:
        """Of the servers."""
        with psycopg.connect(self.postgres.database_url("postgres")) as connection:
            shown = connection.execute("SHOW server_version").fetchone()
        return {"PostgreSQL": str(shown[0]) if shown else "?", self.broker.server.name: self.broker.version()}

    def _mend(self) -> None:
        """Have the servers run again, whatever a row that failed left them in."""
        for server in (self.postgres, self.broker.server):
            if server.running:
                server.resume()
            server.start()

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.postgres.database_url("postgres"), autocommit=True) as connection:
            connection.execute(statement)
