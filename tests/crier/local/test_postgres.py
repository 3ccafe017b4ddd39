"""The private PostgreSQL is a real one, survives kills, and lets nobody in without its password."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from crier.local import ports, processes
from crier.local.errors import PortTaken, ServerFailed
from crier.local.postgres import PostgresServer
from crier.local.spawning import launched

OURSELVES = f"{psutil.Process().name()} (pid {os.getpid()})"


@pytest.fixture
def server(server_folder: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(server_folder, durable=False)
    server.start()
    yield server
    server.stop()


def write_row(server: PostgresServer) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('here')")


def read_row(server: PostgresServer) -> str:
    with psycopg.connect(server.url) as connection:
        row = connection.execute("SELECT word FROM kept").fetchone()
        assert row is not None
        return str(row[0])


def test_it_is_version_18_in_utf8_with_durable_commits_by_default(server_folder: Path) -> None:
    server = PostgresServer(server_folder)
    server.start()
    with psycopg.connect(server.url) as connection:
        assert connection.info.server_version // 10_000 == 18
        show = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]  # type: ignore[index]
            for name in ("fsync", "synchronous_commit", "server_encoding", "listen_addresses", "timezone")
        }
    server.stop()
    assert show == {
        "fsync": "on",
        "synchronous_commit": "on",
        "server_encoding": "UTF8",
        "listen_addresses": "127.0.0.1",
        "timezone": "UTC",
    }


def test_data_is_kept_over_a_stop_and_a_new_handle_on_the_folder(server: PostgresServer) -> None:
    write_row(server)
    server.stop()
    again = PostgresServer(server.folder, durable=False)
    again.start()
    assert read_row(again) == "here"
    again.stop()


def test_committed_data_is_kept_over_a_kill_of_every_process(server: PostgresServer) -> None:
    write_row(server)
    family = processes.tree(server.pid)
    server.kill()
    assert not server.running
    assert [process for process in family if processes.is_alive(process)] == []
    server.start()
    assert read_row(server) == "here"


def test_a_pid_file_whose_pid_was_given_away_does_not_prevent_a_start(
    server: PostgresServer,
) -> None:
    server.kill()
    pid_file = server.data / "postmaster.pid"
    _, *rest = pid_file.read_text().splitlines()
    # Of the same account: PostgreSQL disregards those of others by itself.
    with subprocess.Popen(launched(["sleep", "60"], user=server.user)) as other:
        pid_file.write_text("\n".join([str(other.pid), *rest]))
        server.start()
        other.kill()
    assert server.is_ready()


def test_a_folder_from_a_killed_initdb_is_rebuilt(server_folder: Path) -> None:
    server = PostgresServer(server_folder, durable=False)
    server.initialise()
    # What a kill leaves: a draft without its name, or (copied by hand) a folder without the control file.
    shutil.move(server.data, server_folder / "data.draft")
    (server_folder / "data").mkdir()
    (server_folder / "data" / "PG_VERSION").write_text("18\n")
    server.start()
    assert server.is_ready()
    assert (server_folder / "data.broken-1" / "PG_VERSION").exists()
    assert not (server_folder / "data.draft").exists()
    server.stop()


def test_a_taken_port_is_named_with_its_owner(server_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", ports.free_port())) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken) as caught:
            PostgresServer(server_folder, port, durable=False).start()
    assert caught.value.port == port
    assert f"port {port} on 127.0.0.1 is already in use by {OURSELVES}" in str(caught.value)


def test_a_server_that_ends_at_once_shows_its_log(server: PostgresServer) -> None:
    with pytest.raises(ServerFailed, match=r'lock file "postmaster\.pid" already exists'):
        PostgresServer(server.folder, durable=False).start()
    assert server.is_ready()


def test_paused_it_keeps_connections_and_answers_nothing_until_resumed(server: PostgresServer) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        server.pause()
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            psycopg.connect(server.url, connect_timeout=2)
        server.resume()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_no_connection_without_the_password(server: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.url.replace(server.password, "guess"))
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(server.url.replace(f":{server.password}", ""))
    assert (server.folder / "password").stat().st_mode & 0o777 == 0o600


def test_a_replaced_password_file_is_told(server: PostgresServer) -> None:
    server.stop()
    (server.folder / "password").write_text("another")
    with pytest.raises(ServerFailed, match=r"refuses the password in .*password"):
        server.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another account")
def test_in_a_closed_folder_of_root_it_opens_no_more_than_the_way_through(server_folder: Path) -> None:
    server_folder.mkdir(mode=0o700)
    server = PostgresServer(server_folder / "inside", durable=False)
    server.start()
    server.stop()
    assert server_folder.stat().st_mode & 0o777 == 0o701


def test_it_stops_in_order(server: PostgresServer) -> None:
    pid = server.pid
    assert server.stop_signal == signal.SIGINT
    server.stop()
    assert processes.tree(pid) == []
    assert "database system is shut down" in server.log.read_text()
