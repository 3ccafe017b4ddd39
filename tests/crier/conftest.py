"""A gateway with workers and the sandbox behind it, for what is typed and for the client; one for each module."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from crier.client import Client
from crier.local.postgres import PostgresServer
from crier.local.redis import RedisServer
from crier.sandbox.server import Sandbox
from shared.setup import prepare
from tests.e2e.conftest import System


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, servers_folder: Path, postgres: PostgresServer, migrated_template: str
) -> Iterator[System]:
    """The whole of it, with the shipped templates. Tests share it, and write to recipients of their own."""
    name = f"served_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres.database_url("postgres"), autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(migrated_template)))
    prepare(postgres.database_url(name))
    # A broker of its own: others empty the shared one between tests.
    redis = RedisServer(servers_folder / name, appendonly=False)
    redis.start()
    folder = tmp_path_factory.mktemp("served")
    with Sandbox(folder / "sandbox") as sandbox:
        system = System(folder, postgres.database_url(name), redis.url, sandbox)
        try:
            system.start("gateway", "relay", "email", "sms", "push")
            yield system
        finally:
            system.stop()
            redis.stop()


@pytest.fixture
def client(served: System) -> Client:
    """A client with this module's key."""
    return Client(f"http://127.0.0.1:{served.gateway_port}", served.key)
