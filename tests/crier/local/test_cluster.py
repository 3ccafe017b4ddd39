"""A local cluster starts whole or not at all, restarts what dies, and leaves nothing behind but its data."""

import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests
from redis import Redis

from crier.local import ports, processes
from crier.local.cluster import Cluster
from crier.local.credentials import Credentials
from crier.local.errors import AlreadyRunning, LocalError, NotRunning, PortTaken, ServerFailed
from crier.local.home import Home
from crier.local.postgres import PostgresServer
from crier.local.programs import Program
from crier.local.states import ProgramState
from shared.ledger.database import Database
from shared.ledger.keys import Keys

# A small real service: says what it was given, starts a child, and goes on.
SERVICE = """
import json, os, subprocess, sys, time
child = subprocess.Popen(["sleep", "600"])
print(json.dumps({"event": "started", "child": child.pid, "environment": dict(os.environ)}), flush=True)
while True:
    time.sleep(1)
"""
DEAF = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
BROKEN = "raise SystemExit('no such table: dreams')"


class Bench:
    """A cluster of real servers and small services, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.home = Home(folder / "home")
        self.port = ports.free_port()
        site = folder / "site"
        site.mkdir()
        (site / "readyz").write_text("{}")
        gateway = ("-m", "http.server", str(self.port), "--bind", "127.0.0.1", "--directory", str(site))
        self.services = [Program("gateway", (sys.executable, *gateway)), self.service("relay", SERVICE)]
        self.cluster = Cluster(self.home, lambda _: self.services)

    def service(self, name: str, text: str) -> Program:
        script = self.folder / f"{name}.py"
        script.write_text(text)
        return Program(name, (sys.executable, str(script)))

    def up(self) -> None:
        self.cluster.up(port=self.port)

    def state(self, name: str) -> ProgramState:
        return next(state for state in self.cluster.states() if state.name == name)

    def pid(self, name: str) -> int:
        pid = self.state(name).pid
        assert pid is not None
        return pid

    def kill_supervisor(self) -> None:
        supervisord = psutil.Process(self.cluster.running().pid)
        supervisord.kill()
        assert eventually(lambda: not processes.is_alive(supervisord))

    def last_words(self, name: str) -> dict[str, object]:
        """The last thing a service said when it started."""
        words: dict[str, object] = json.loads(self.home.log(name).read_text().splitlines()[-1])
        return words

    def family(self) -> list[psutil.Process]:
        """supervisord and everything it runs."""
        return processes.tree(self.cluster.running().pid)


@pytest.fixture
def bench(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for variable in ("CRIER_DATABASE_URL", "CRIER_BROKER_URL", "CRIER_REDIS_URL", "CRIER_GATEWAY_PORT"):
        monkeypatch.delenv(variable, raising=False)
    bench = Bench(server_folder)
    yield bench
    bench.cluster.down()


def eventually(condition: Callable[[], object], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def alive(family: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in family if processes.is_alive(process)]


def test_up_brings_a_working_cluster_and_down_leaves_only_what_is_kept(bench: Bench) -> None:
    bench.up()

    assert requests.get(f"{bench.cluster.running().url}/readyz", timeout=5).ok
    states = bench.cluster.states(measure=True)
    assert [(state.name, state.state, state.restarts) for state in states] == [
        ("postgres", "running", 0),
        ("redis", "running", 0),
        ("gateway", "running", 0),
        ("relay", "running", 0),
    ]
    assert all(state.memory_bytes for state in states)
    credentials = Credentials.read(bench.home.credentials)
    assert credentials is not None
    assert credentials.url == f"http://127.0.0.1:{bench.port}"
    environment = bench.last_words("relay")["environment"]
    assert isinstance(environment, dict)
    identity = Keys(Database(environment["CRIER_DATABASE_URL"])).check(credentials.api_key)
    assert identity is not None
    assert identity.project == "default"
    assert environment["CRIER_SECRET_KEY"] == bench.home.secret_key.read_text()
    assert environment["CRIER_GATEWAY_PORT"] == str(bench.port)
    assert environment["CRIER_REDIS_URL"] == environment["CRIER_BROKER_URL"].removesuffix("0") + "1"

    family = bench.family()
    assert len(family) > 6
    assert bench.cluster.down() is True
    assert alive(family) == []
    kept = {"data", "logs", "credentials.toml", "secret.key", ".lock"}
    assert {path.name for path in bench.home.root.iterdir()} == kept
    for secret in ("credentials.toml", "secret.key", "data/postgres/password", "data/redis/redis.conf"):
        assert stat.S_IMODE((bench.home.root / secret).stat().st_mode) == 0o600
    with pytest.raises(NotRunning, match="crier up"):
        bench.cluster.running()
    assert bench.cluster.down() is False


def test_data_and_key_are_kept_and_a_lost_ledger_gets_a_new_key(bench: Bench) -> None:
    bench.up()
    first = Credentials.read(bench.home.credentials)
    bench.cluster.down()
    bench.up()
    assert Credentials.read(bench.home.credentials) == first
    bench.cluster.down()
    (bench.home.data / "postgres" / "data").rename(bench.folder / "lost")
    bench.up()
    assert Credentials.read(bench.home.credentials) not in (first, None)


@pytest.mark.parametrize("name", ["postgres", "redis", "gateway", "relay"])
def test_what_is_killed_is_started_again(bench: Bench, name: str) -> None:
    bench.up()
    before = bench.pid(name)
    os.kill(before, signal.SIGKILL)
    assert eventually(lambda: bench.state(name).restarts and bench.state(name).state == "running")
    assert bench.pid(name) != before


def test_what_a_killed_program_left_behind_is_ended_before_it_starts_again(bench: Bench) -> None:
    bench.up()
    child = psutil.Process(int(str(bench.last_words("relay")["child"])))
    os.kill(bench.pid("relay"), signal.SIGKILL)
    assert eventually(lambda: not processes.is_alive(child))
    assert eventually(lambda: bench.state("relay").state == "running")


def test_a_service_that_cannot_start_is_named_with_its_last_words_and_nothing_is_left(bench: Bench) -> None:
    bench.services.append(bench.service("scheduler", BROKEN))
    with pytest.raises(ServerFailed, match="no such table: dreams") as caught:
        bench.up()
    assert caught.value.server == "scheduler"
    assert not bench.home.run.exists()
    mark = str(bench.folder)
    left = [p for p in psutil.process_iter(["cmdline"]) if mark in " ".join(p.info["cmdline"] or [])]
    assert alive(left) == []


def test_a_killed_supervisor_leaves_nothing_that_the_next_up_does_not_end(bench: Bench) -> None:
    bench.services.append(bench.service("deaf", DEAF + SERVICE))
    bench.up()
    key = Credentials.read(bench.home.credentials)
    family = bench.family()
    bench.kill_supervisor()
    with pytest.raises(NotRunning):
        bench.cluster.states()
    bench.services.pop()
    bench.up()
    assert alive(family) == []
    assert Credentials.read(bench.home.credentials) == key


def test_down_ends_what_a_killed_supervisor_left(bench: Bench) -> None:
    bench.services.append(bench.service("deaf", DEAF + SERVICE))
    bench.up()
    family = bench.family()
    bench.kill_supervisor()
    bench.cluster.down()
    assert alive(family) == []


def test_down_ends_a_supervisor_that_does_not_answer(bench: Bench) -> None:
    bench.up()
    family = bench.family()
    os.kill(bench.cluster.running().pid, signal.SIGSTOP)
    bench.cluster.down()
    assert alive(family) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_in_the_foreground_everything_ends_with_its_process(bench: Bench) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from crier.local.cluster import Cluster\n"
        "from crier.local.home import Home\n"
        "Cluster(Home(Path(sys.argv[1])), lambda _: []).up(port=int(sys.argv[2]), foreground=True)\n"
        "print('up', flush=True); sys.stdin.read()\n"
    )
    arguments = [sys.executable, "-c", script, str(bench.home.root), str(bench.port)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        family = bench.family()
        owner.kill()
    assert eventually(lambda: not alive(family))


def test_a_second_up_is_refused_and_says_what_runs(bench: Bench) -> None:
    bench.up()
    running = bench.cluster.running()
    with pytest.raises(AlreadyRunning, match=rf"gateway {running.url}, supervisor pid {running.pid}.*`crier down`"):
        bench.up()
    assert bench.cluster.running() == running


def test_two_at_work_at_once_are_refused(bench: Bench) -> None:
    bench.home.prepare()
    with (bench.home.root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LocalError, match="at work"):
            bench.up()


def test_a_taken_gateway_port_names_its_owner_and_what_changes_it(bench: Bench) -> None:
    with (
        socket.create_server(("127.0.0.1", bench.port)),
        pytest.raises(PortTaken, match=rf"{bench.port} .*pid {os.getpid()}.*--port N.*CRIER_GATEWAY_PORT"),
    ):
        bench.up()
    with pytest.raises(NotRunning):
        bench.cluster.running()


@pytest.mark.parametrize(
    ("variable", "scheme"),
    [
        ("CRIER_DATABASE_URL", "postgresql"),
        ("CRIER_BROKER_URL", "redis"),
        ("CRIER_BROKER_URL", "amqp"),
        ("CRIER_REDIS_URL", "redis"),
    ],
)
def test_a_server_that_cannot_be_reached_is_named_by_its_variable(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str
) -> None:
    nowhere = ports.free_port()
    monkeypatch.setenv(variable, f"{scheme}://ada:secret@127.0.0.1:{nowhere}/0")
    with pytest.raises(LocalError, match=rf"{variable} \({scheme}://127.0.0.1:{nowhere}/0\) cannot be") as caught:
        bench.up()
    assert "secret" not in str(caught.value)


def test_servers_that_the_environment_names_are_used(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, empty_database_url: str, redis_url: str
) -> None:
    monkeypatch.setenv("CRIER_DATABASE_URL", empty_database_url)
    monkeypatch.setenv("CRIER_BROKER_URL", redis_url)
    bench.up()
    assert [state.name for state in bench.cluster.states()] == ["gateway", "relay"]
    credentials = Credentials.read(bench.home.credentials)
    assert credentials is not None
    assert Keys(Database(empty_database_url)).check(credentials.api_key)


def test_rabbitmq_as_broker_has_an_embedded_redis_for_results(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, amqp_url: str
) -> None:
    monkeypatch.setenv("CRIER_BROKER_URL", amqp_url)
    bench.up()
    assert [state.name for state in bench.cluster.states() if state.is_server] == ["postgres", "redis"]
    environment = bench.cluster.running().environment
    assert environment["CRIER_BROKER_URL"] == amqp_url
    assert Redis.from_url(environment["CRIER_REDIS_URL"]).ping()


def test_a_home_too_deep_for_a_socket_works_all_the_same(bench: Bench) -> None:
    bench.home = Home(bench.folder / ("deep" * 30))
    bench.cluster = Cluster(bench.home, lambda _: bench.services)
    bench.up()
    running = bench.cluster.running()
    assert not Path(running.socket).is_relative_to(bench.home.root)
    assert bench.state("gateway").state == "running"
    bench.cluster.down()
    assert not Path(running.socket).parent.exists()


def test_a_home_with_an_odd_name_works_all_the_same(bench: Bench) -> None:
    bench.home = Home(bench.folder / "Ada's home, 100% hers")
    bench.cluster = Cluster(bench.home, lambda _: bench.services)
    bench.up()
    assert {state.state for state in bench.cluster.states()} == {"running"}


def test_half_written_files_of_a_killed_run_are_no_obstacle(bench: Bench) -> None:
    bench.home.prepare()
    (bench.home.run / "cluster.json").write_text('{"pid": 12')
    (bench.home.run / "supervisor.sock").touch()
    (bench.home.records / "relay.json").write_text("{")
    bench.home.credentials.write_text("url = ")
    server = PostgresServer(bench.home.data / "postgres", durable=False)
    (server.folder / "data.draft").mkdir(parents=True)
    bench.up()
    assert bench.state("relay").state == "running"
    assert Credentials.read(bench.home.credentials) is not None


def test_restart_replaces_one_program_or_all_services(bench: Bench) -> None:
    bench.up()
    before = {state.name: state.pid for state in bench.cluster.states()}
    bench.cluster.restart("relay")
    one = {state.name: state.pid for state in bench.cluster.states()}
    assert {name for name in one if one[name] != before[name]} == {"relay"}
    bench.cluster.restart()
    both = {state.name: state.pid for state in bench.cluster.states()}
    assert {name for name in both if both[name] != one[name]} == {"relay", "gateway"}
    assert [state.restarts for state in bench.cluster.states()] == [0, 0, 0, 0]
    with pytest.raises(LocalError, match=r"No program is called rely\. Did you mean relay\?"):
        bench.cluster.restart("rely")
