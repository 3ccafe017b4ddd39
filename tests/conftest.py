"""Real servers for the tests, and the sandbox: private, on free ports, in temporary folders, one of each per worker."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import sql
from redis import Redis

from crier.local.errors import ServerMissing
from crier.local.postgres import PostgresServer
from crier.local.rabbitmq import RabbitServer
from crier.local.redis import RedisServer
from crier.sandbox import Sandbox
from shared.ledger.database import Database

MEMORY, ENOUGH = Path("/dev/shm"), 6 * 1024**3


def _in_memory() -> Path | None:
    """Where servers keep data without a disk, if there is room: each test has a database of its own, of 400 files.

    On a disk making one takes 40 to 400 ms, the more the longer tests run; in memory 15.
    """
    if not os.access(MEMORY, os.W_OK):
        return None
    return MEMORY if min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available) > ENOUGH else None


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """A folder for servers' data, gone after the session.

    Not pytest's own: those are closed (0700) again by each later pytest, and PostgreSQL runs as another
    user when the tests run as root.
    """
    folder = Path(tempfile.mkdtemp(prefix="crier-tests-", dir=_in_memory()))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server_folder(servers_folder: Path) -> Iterator[Path]:
    """A fresh folder for the server of one test."""
    folder = servers_folder / uuid.uuid4().hex[:8]
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(servers_folder: Path) -> Iterator[PostgresServer]:
    """A running PostgreSQL. A test that kills or pauses it starts or resumes it again, or has its own."""
    server = PostgresServer(servers_folder / "postgres", durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Running stand-ins of every vendor."""
    with Sandbox(tmp_path_factory.mktemp("sandbox"), durable=False) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The stand-ins, with an empty journal and behaving as documented."""
    running_sandbox.clear()
    yield running_sandbox
    running_sandbox.reset()


@pytest.fixture(scope="session")
def redis_server(servers_folder: Path) -> Iterator[RedisServer]:
    """A running Redis, empty after a restart."""
    server = RedisServer(servers_folder / "redis", appendonly=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rabbit_server(servers_folder: Path) -> Iterator[RabbitServer]:
    """A running RabbitMQ; without one installed the test is skipped, except in CI."""
    server = RabbitServer(servers_folder / "rabbitmq")
    try:
        server.start()
    except ServerMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_template(postgres: PostgresServer) -> str:
    """The name of a database with the ledger's schema, to be copied."""
    from shared.ledger.migrations import upgrade

    name = "migrated"
    _create_database(postgres, name)
    upgrade(postgres.database_url(name))
    return name


@pytest.fixture
def database_url(postgres: PostgresServer, migrated_template: str) -> Iterator[str]:
    """A database of this test alone, with the ledger's schema."""
    yield from _database(postgres, lambda name: _create_database(postgres, name, template=migrated_template))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The ledger of this test alone."""
    made = Database(database_url, pool_size=16)
    yield made
    made.close()


@pytest.fixture
def empty_database_url(postgres: PostgresServer) -> Iterator[str]:
    """A database of this test alone, without any table."""
    yield from _database(postgres, lambda name: _create_database(postgres, name))


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """An empty Redis database; no other test uses it at the same time."""
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def amqp_url(rabbit_server: RabbitServer) -> Iterator[str]:
    """A RabbitMQ virtual host of this test alone."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield rabbit_server.add_vhost(name)
    rabbit_server.delete_vhost(name)


def _database(server: PostgresServer, create: Callable[[str], None]) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    create(name)
    yield server.database_url(name)
    # FORCE ends the connections that a killed process or a pool of the test left open.
    _execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _create_database(server: PostgresServer, name: str, template: str = "template1") -> None:
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    _execute(server, statement.format(sql.Identifier(name), sql.Identifier(template)))


def _execute(server: PostgresServer, statement: sql.Composed) -> None:
    with psycopg.connect(server.database_url("postgres"), autocommit=True) as connection:
        connection.execute(statement)
