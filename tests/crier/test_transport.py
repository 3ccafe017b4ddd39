"""What the client does when the network or the gateway is in trouble, against a server that does as it is told."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from urllib3 import HTTPResponse

from crier import ApiProblem, Client, GatewayUnreachable, Row
from crier.transport import LONGEST_PAUSE, BoundedRetry

RECEIPT = {"id": "0198c0de-0000-7000-8000-000000000000", "state": "queued", "channel": "sms", "lane": "normal"}
BUSY = {"type": "/docs/problems#busy", "title": "Busy", "status": 503, "detail": "Try again."}
Answer = Callable[[BaseHTTPRequestHandler], None]


def reply(status: int, document: object, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": "application/problem+json", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


class Scripted(ThreadingHTTPServer):
    """Answers each request with the next of `script`, the last one for ever, and keeps what it was asked."""

    def __init__(self) -> None:
        self.script: list[Answer] = []
        self.asked: list[tuple[str, str | None, bytes]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def keys(self) -> list[str | None]:
        return [key for _, key, _ in self.asked]

    def client(self, retries: int = 3, timeout: float = 5) -> Client:
        return Client(f"http://127.0.0.1:{self.server_port}", "crier_x", retries=retries, timeout=timeout)


class Handler(BaseHTTPRequestHandler):
    def handle_any(self) -> None:
        assert isinstance(self.server, Scripted)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((f"{self.command} {self.path}", self.headers["Idempotency-Key"], body))
        script = self.server.script
        (script.pop(0) if len(script) > 1 else script[0])(self)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Scripted]:
    made = Scripted()
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def send(client: Client) -> str:
    return client.send(channel="sms", to={"phone": "+447700900001"}, content={"body": "Hello"})["id"]


def say_nothing(handler: BaseHTTPRequestHandler) -> None:
    handler.rfile.read(1)  # until the client is tired of it


PROXY = reply(502, b"<h1>Bad Gateway</h1>", Content_Type="text/html")
BUSY_NOW = reply(503, BUSY, Retry_After="0")
TOO_MANY = reply(429, {**BUSY, "status": 429}, Retry_After="0")
TROUBLES = [reply(503, BUSY), BUSY_NOW, TOO_MANY, PROXY, reply(504, b""), hang_up, say_nothing]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_send_is_repeated_under_the_same_key(server: Scripted, trouble: Answer):
    server.script = [trouble, trouble, reply(202, RECEIPT)]
    assert send(server.client(timeout=0.3)) == RECEIPT["id"]
    assert len(server.asked) == 3
    assert len({body for _, _, body in server.asked}) == 1
    assert len(set(server.keys)) == 1
    assert server.keys[0]


def test_an_upload_is_repeated_from_its_beginning(server: Scripted, tmp_path: Path):
    path = tmp_path / "guests.csv"
    path.write_bytes(b"email\n" + b"ada@example.com\n" * 20_000)
    receipt = {"batch_id": RECEIPT["id"], "accepted": 1, "refused": 0, "complete": True, "errors": []}
    server.script = [reply(503, BUSY), reply(202, receipt)]
    assert server.client().bulk(path, channel="email", template="welcome")["accepted"] == 1
    assert [len(body) for _, _, body in server.asked] == [path.stat().st_size] * 2
    assert len(set(server.keys)) == 1


@pytest.mark.parametrize("verb", ["get", "register_device", "remove_device", "put_template", "set_identity"])
def test_what_changes_nothing_the_second_time_is_repeated(server: Scripted, verb: str):
    arguments: dict[str, list[Any]] = {
        "get": [RECEIPT["id"]], "register_device": ["u_1", "token", "ios"], "remove_device": ["u_1", "token"],
        "put_template": ["greeting", {}], "set_identity": [{}],
    }  # fmt: skip
    server.script = [hang_up, BUSY_NOW, reply(200, {"items": []})]
    getattr(server.client(), verb)(*arguments[verb])
    assert len(server.asked) == 3


@pytest.mark.parametrize("verb", ["cancel", "retry", "preview"])
@pytest.mark.parametrize("trouble", [hang_up, BUSY_NOW])
def test_what_may_have_arrived_and_has_no_key_is_not_repeated(server: Scripted, verb: str, trouble: Answer):
    server.script = [trouble]
    with pytest.raises((GatewayUnreachable, ApiProblem)):
        getattr(server.client(), verb)(RECEIPT["id"])
    assert len(server.asked) == 1


def test_rows_are_sent_again_under_the_same_key(server: Scripted):
    receipt = {"batch_id": RECEIPT["id"], "accepted": 2, "refused": 0, "complete": True, "errors": []}
    server.script = [hang_up, BUSY_NOW, reply(202, receipt)]
    rows: list[Row] = [{"to": {"phone": f"+44770090000{number}"}} for number in range(2)]
    told: list[int] = []
    client = server.client()
    client.bulk(iter(rows), channel="sms", content={"body": "x"}, progress=lambda sent, _: told.append(sent))
    lines = b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows)
    assert [body for _, _, body in server.asked] == [lines] * 3
    assert len(set(server.keys)) == 1
    assert told == [len(lines)] * 3


def test_a_refusal_says_when_to_try_again(server: Scripted):
    server.script = [reply(429, {**BUSY, "status": 429}, Retry_After="7")]
    with pytest.raises(ApiProblem) as caught:
        send(server.client(retries=0))
    assert (caught.value.status, caught.value.retry_after) == (429, 7)
    server.script = [reply(429, BUSY, Retry_After="soon")]
    with pytest.raises(ApiProblem) as caught:
        send(server.client(retries=1))
    assert caught.value.retry_after is None
    assert len(server.asked) == 3


def test_a_gateway_that_is_away_behind_a_proxy_is_told(server: Scripted):
    server.script = [PROXY]
    with pytest.raises(GatewayUnreachable, match=r"\(HTTP 502 Bad Gateway\)\. `crier status` says"):
        send(server.client(retries=0))


def test_trouble_that_stays_is_told_in_the_gateways_words(server: Scripted):
    server.script = [reply(503, BUSY)]
    with pytest.raises(ApiProblem, match="Try again") as caught:
        send(server.client(retries=2))
    assert (caught.value.status, caught.value.kind) == (503, "busy")
    assert len(server.asked) == 3


def test_an_answer_that_does_not_come_is_not_waited_for_for_ever(server: Scripted):
    stopped = threading.Event()
    server.script = [lambda _: stopped.wait(10) and None]
    with pytest.raises(GatewayUnreachable, match="timed out"):
        send(server.client(retries=0, timeout=0.2))
    stopped.set()


@pytest.mark.parametrize(
    "answer", [reply(404, b"<h1>Not here</h1>", Content_Type="text/html"), reply(200, b"hello"), reply(301, b"")]
)
def test_what_is_no_gateway_is_told_apart(server: Scripted, answer: Answer):
    server.script = [answer]
    with pytest.raises(GatewayUnreachable, match="no gateway"):
        server.client().templates()


@pytest.mark.parametrize(("asked", "waited"), [("1", 1), ("86400", LONGEST_PAUSE)])
def test_retry_after_is_obeyed_within_reason(asked: str, waited: float):
    assert BoundedRetry().get_retry_after(HTTPResponse(headers={"Retry-After": asked}, status=503)) == waited


def test_proxies_of_the_environment_are_not_asked_for_this_machine(server: Scripted, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.script = [reply(202, RECEIPT)]
    assert send(server.client(retries=0)) == RECEIPT["id"]
