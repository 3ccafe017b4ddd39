"""The gateway as a process of its own: what it does when what it needs is away, and when it is told to end."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest

from crier.local.postgres import PostgresServer
from shared.crypto import new_key
from shared.ledger import migrations
from shared.ledger.database import Database
from shared.ledger.keys import Keys

MAIL = {"channel": "email", "to": {"email": "ada@example.com"}, "content": {"subject": "Hi", "text": "Hello"}}
NOBODY_LISTENS = "redis://127.0.0.1:1/0"
MB = 1024 * 1024
PATIENCE = 60  # seconds for what takes a moment on a quiet machine


def eventually(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come true in time")


class Gateway:
    """A gateway process, and calls to it."""

    def __init__(self, url: str, key: str, log: Path, **environment: str) -> None:
        self.key, self.log = key, log
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.gateway"],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("CRIER_")},
                "CRIER_DATABASE_URL": url,
                "CRIER_BROKER_URL": NOBODY_LISTENS,
                "CRIER_SECRET_KEY": new_key(),
                "CRIER_GATEWAY_PORT": "0",
                **environment,
            },
            stdout=subprocess.DEVNULL,
            stderr=log.open("wb"),
        )
        found = eventually(lambda: re.search(r'"port": (\d+), "event": "gateway listens"', log.read_text()))
        self.port = int(found[1])
        eventually(lambda: self.get("/healthz")[0] == 200)

    def get(self, path: str) -> tuple[int, dict[str, str], Any]:
        return self.request("GET", path)

    def send(self, request: Any = MAIL, **headers: str) -> tuple[int, dict[str, str], Any]:
        body = json.dumps(request).encode()
        return self.request("POST", "/v1/notifications", body, {"Content-Type": "application/json", **headers})

    def request(self, method: str, path: str, body: Any = None, headers: Any = None) -> tuple[int, dict[str, str], Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {self.key}", **(headers or {})})
            answer = connection.getresponse()
            text = answer.read()
        except ConnectionRefusedError:
            return 0, {}, None
        finally:
            connection.close()
        is_json = "json" in answer.headers.get_content_type()
        return answer.status, dict(answer.headers), json.loads(text) if is_json else text.decode()

    def memory(self) -> int:
        """Bytes the worker processes hold."""
        return sum(child.memory_info().rss for child in psutil.Process(self.process.pid).children())

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def ledger(servers_folder: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL of this module alone, to be stopped and killed."""
    server = PostgresServer(servers_folder / "gateway-postgres", durable=False)
    server.start()
    migrations.upgrade(server.url)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def start(ledger: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Starts a gateway over the module's ledger: `with start() as gateway`."""
    database = Database(ledger.url)
    key = Keys(database).create("acme", scopes=("send", "read"))
    database.close()

    @contextmanager
    def started(**environment: str) -> Iterator[Gateway]:
        gateway = Gateway(ledger.url, key, tmp_path_factory.mktemp("gateway") / "log", **environment)
        try:
            yield gateway
        finally:
            gateway.end()

    return started


@pytest.fixture(scope="module")
def gateway(start: Callable[..., Any]) -> Iterator[Gateway]:
    with start() as gateway:
        yield gateway


def test_it_accepts_while_the_broker_is_away(gateway: Gateway) -> None:
    assert gateway.send()[0] == 202
    assert gateway.get("/readyz")[2] == {"status": "ready", "ledger": "ok", "broker": "unreachable"}


def test_it_accepts_while_the_broker_hangs(start: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, start(
        CRIER_BROKER_URL=f"redis://127.0.0.1:{mute.getsockname()[1]}/0"
    ) as gateway:  # fmt: skip
        assert [gateway.send()[0] for _ in range(20)] == [202] * 20


def test_a_hung_ledger_is_a_503_and_no_more_than_that(gateway: Gateway, ledger: PostgresServer) -> None:
    assert gateway.send()[0] == 202
    ledger.pause()
    try:
        for _ in range(3):
            status, headers, problem = gateway.send()
            assert (status, problem["type"]) == (503, "/docs/problems#ledger-unavailable")
            assert int(headers["Retry-After"]) >= 1
        assert gateway.get("/readyz")[0] == 503
        assert gateway.get("/healthz")[0] == 200
    finally:
        ledger.resume()
    eventually(lambda: gateway.send()[0] == 202)


def test_a_dead_ledger_is_a_503_until_it_is_back(gateway: Gateway, ledger: PostgresServer) -> None:
    ledger.kill()
    try:
        status, headers, _ = gateway.send()
        assert status == 503
        assert int(headers["Retry-After"]) >= 1
    finally:
        ledger.start()
    eventually(lambda: gateway.send()[0] == 202)


def test_the_same_key_finds_what_was_accepted_before_the_gateway_died(start: Callable[..., Any]) -> None:
    with start() as gateway:
        first = gateway.send(**{"Idempotency-Key": "died"})[2]
        gateway.process.kill()
        gateway.process.wait()
    with start() as gateway:
        status, headers, again = gateway.send(**{"Idempotency-Key": "died"})
    assert (status, again, headers["Idempotent-Replayed"]) == (202, first, "true")


class TestLargeBodies:
    def chunked(self, gateway: Gateway, path: str, pieces: Iterator[bytes], media_type: str) -> int:
        """Send pieces without saying how many; the status, read as soon as there is one."""
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE) as connection:
            head = (
                f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key}\r\n"
                f"Content-Type: {media_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            connection.sendall(head.encode())
            try:
                for piece in pieces:
                    connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                connection.sendall(b"0\r\n\r\n")
            except (BrokenPipeError, ConnectionResetError):
                pass  # it has heard enough
            try:
                return int(connection.recv(12).split()[1])
            except (ConnectionResetError, IndexError):
                return 0

    def test_what_says_it_is_too_large_is_not_read(self, gateway: Gateway) -> None:
        headers = {"Content-Type": "application/json", "Content-Length": str(10**10)}
        assert gateway.request("POST", "/v1/notifications", b"{", headers)[0] == 413

    def test_one_byte_over_gets_its_answer(self, gateway: Gateway) -> None:
        headers = {"Content-Type": "application/json"}
        assert gateway.request("POST", "/v1/notifications", b" " * (15 * MB + 1), headers)[0] == 413

    def test_what_never_ends_is_cut_off_and_memory_stays(self, gateway: Gateway) -> None:
        gateway.send()
        before = gateway.memory()
        status = self.chunked(gateway, "/v1/notifications", (b" " * MB for _ in range(200)), "application/json")
        assert status in (413, 0), "answered, or cut off while still sending"
        assert gateway.memory() - before < 40 * MB
        assert gateway.send()[0] == 202

    def test_an_upload_is_read_as_it_comes(self, gateway: Gateway) -> None:
        path = "/v1/notifications/bulk?channel=email&content=%7B%22subject%22%3A%22x%22%2C%22text%22%3A%22y%22%7D"

        def pieces() -> Iterator[bytes]:
            yield b"email,name\n"
            for _ in range(100):
                yield b"a@example.com," + b"x" * 900_000 + b"\n"  # refused, but read

        assert self.chunked(gateway, path, iter([b"email\na@example.com\n"]), "text/csv") == 202
        before = gateway.memory()
        assert self.chunked(gateway, path, pieces(), "text/csv") == 202
        assert gateway.memory() - before < 60 * MB


def test_a_file_that_breaks_off_is_not_taken_for_a_whole_one(gateway: Gateway) -> None:
    """Its last row is cut somewhere: it is neither sent so, nor refused, nor in the way of the whole one."""
    query = "channel=sms&content=" + quote('{"body": "Hello"}')
    rows = "".join(f"+4420794600{number:02d},Ada Byron\n" for number in range(50))
    body = f"phone,name\n{rows}".encode()
    headers = {"Content-Type": "text/csv", "Idempotency-Key": "broken-off"}
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
        lines = [
            f"POST /v1/notifications/bulk?{query} HTTP/1.1", "Host: crier", f"Authorization: Bearer {gateway.key}",
            *(f"{name}: {value}" for name, value in headers.items()), f"Content-Length: {len(body)}", "", "",
        ]  # fmt: skip
        connection.sendall("\r\n".join(lines).encode() + body[:-6])
        connection.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 400
        assert "The body breaks off" in json.load(answer)["detail"]
    status, _, receipt = gateway.request("POST", f"/v1/notifications/bulk?{query}", body, headers)
    assert status == 202
    assert (receipt["accepted"], receipt["refused"], receipt["complete"]) == (50, 0, True)
    batch = gateway.get(f"/v1/batches/{receipt['batch_id']}")[2]
    assert (batch["accepted"], batch["refused"]) == (50, 0)
    newest = gateway.get(f"/v1/notifications?batch_id={receipt['batch_id']}")[2]["items"]
    assert {one["recipient"]["name"] for one in newest} == {"Ada Byron"}


def test_sigterm_lets_a_request_finish(start: Callable[..., Any]) -> None:
    with start() as gateway, socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE) as connection:
        body = json.dumps(MAIL).encode()
        head = (
            f"POST /v1/notifications HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body[:10])
        eventually(lambda: gateway.get("/healthz")[0] == 200)  # a later request was answered: ours has begun
        gateway.process.send_signal(signal.SIGTERM)
        eventually(lambda: "Handling signal: term" in gateway.log.read_text())
        connection.sendall(body[10:])
        assert connection.recv(12) == b"HTTP/1.1 202"
        assert gateway.process.wait(PATIENCE) == 0


def test_several_processes_share_the_port_and_the_metrics(start: Callable[..., Any]) -> None:
    with start(CRIER_GATEWAY_WORKERS="2") as gateway:
        eventually(lambda: len(psutil.Process(gateway.process.pid).children()) >= 2)
        assert [gateway.send()[0] for _ in range(30)] == [202] * 30
        counted = 'crier_accepted_total{channel="email",how="one",lane="normal"} 30.0'
        assert counted in gateway.get("/metrics")[2].splitlines()


class TestStart:
    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        good = {
            "CRIER_DATABASE_URL": "postgresql://x@127.0.0.1:1/x",
            "CRIER_BROKER_URL": NOBODY_LISTENS,
            "CRIER_SECRET_KEY": new_key(),
        }
        others = {name: value for name, value in os.environ.items() if not name.startswith("CRIER_")}
        return subprocess.run(
            [sys.executable, "-m", "services.gateway"], env={**others, **good, **environment},
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip

    def test_a_port_in_use_is_one_line_that_names_the_variable(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            ended = self.run(CRIER_GATEWAY_PORT=str(taken.getsockname()[1]))
        assert ended.returncode == 1
        (line,) = ended.stderr.strip().splitlines()
        assert line.startswith("CRIER_GATEWAY_PORT: ")
        assert "Address already in use" in line

    def test_every_wrong_setting_is_named(self) -> None:
        ended = self.run(CRIER_GATEWAY_PORT="http", CRIER_GATEWAY_THREADS="0", CRIER_BRAND_ACCENT="red")
        assert ended.returncode == 1
        for variable in ("CRIER_GATEWAY_PORT", "CRIER_GATEWAY_THREADS", "CRIER_BRAND_ACCENT"):
            assert variable in ended.stderr
        assert "Traceback" not in ended.stderr

    def test_without_a_secret_key(self) -> None:
        ended = self.run(CRIER_SECRET_KEY="")
        assert ended.returncode == 1
        assert "CRIER_SECRET_KEY" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_logs_are_json_lines_without_anything_personal(start: Callable[..., Any]) -> None:
    canaries = ["canary@example.com", "+442079460999", "canary-482913", "canary-user", "canary-name"]
    with start(CRIER_LOG_LEVEL="DEBUG") as gateway:
        to = {"email": canaries[0], "phone": canaries[1], "name": canaries[4]}
        gateway.send({**MAIL, "to": to, "content": {"subject": canaries[2], "text": canaries[2]}})
        gateway.send({**MAIL, "to": {"email": canaries[0] + "\n"}, "template": canaries[2], canaries[2]: canaries[1]})
        gateway.get(f"/v1/recipients/{canaries[3]}/devices")
        gateway.get(f"/v1/notifications?recipient={canaries[0].replace('@', '%40')}")
        gateway.get(f"/v1/notifications?key={gateway.key}")
        odd = {"User-Agent": "canary-name", "X-Request-Id": "canary-name?"}
        gateway.request("GET", "/v1/%0A%22canary-name", headers=odd)
        gateway.request("POST", "/v1/notifications", b'{"canary-name"', {"Content-Type": "application/json"})
    lines = gateway.log.read_text().splitlines()
    assert len([json.loads(line) for line in lines]) > 7
    requests = [json.loads(line) for line in lines if '"request"' in line]
    assert {"method", "route", "status", "seconds", "key", "request_id"} <= requests[-1].keys()
    assert requests[-1]["key"] in (None, gateway.key.split("_")[1])
    for secret in [*canaries, gateway.key, gateway.key.split("_", 2)[2]]:
        assert secret not in gateway.log.read_text()
