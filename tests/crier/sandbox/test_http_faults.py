"""Answers of the HTTP stand-ins that break on their way, seen as bytes on a connection."""

import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
import requests

from crier.sandbox import Fault, Sandbox
from tests.crier.sandbox.clients import only_call, wait_for

TO = "+447700900123"
FORM = {"To": TO, "From": "+15005550006", "Body": "Hello"}


@pytest.fixture
def connection(sandbox: Sandbox) -> Iterator[socket.socket]:
    """A connection over which an SMS has been posted; the answer is not read yet."""
    with socket.create_connection(("127.0.0.1", sandbox.ports.http), timeout=10) as client:
        yield client


def post(connection: socket.socket, sandbox: Sandbox) -> None:
    settings = sandbox.environment
    login = f"{settings['TWILIO_ACCOUNT_SID']}:{settings['TWILIO_AUTH_TOKEN']}".encode()
    body = urlencode(FORM).encode()
    head = (
        f"POST /2010-04-01/Accounts/{settings['TWILIO_ACCOUNT_SID']}/Messages.json HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Basic {b64encode(login).decode()}\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    connection.sendall(head.encode() + body)


def everything(connection: socket.socket) -> bytes:
    return connection.makefile("rb").read()


def split(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return status, dict(line.lower().split(": ", 1) for line in lines), body


def test_silence(sandbox: Sandbox, connection: socket.socket) -> None:
    sandbox.behave("twilio", fault="hang")
    post(connection, sandbox)
    wait_for(lambda: list(sandbox.calls("twilio")))
    connection.settimeout(0.3)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    assert only_call(sandbox, "twilio").accepted


def test_a_dripping_answer_is_whole_in_the_end(sandbox: Sandbox, connection: socket.socket) -> None:
    sandbox.behave("twilio", fault="drip", pause=0.0001)
    post(connection, sandbox)
    status, headers, body = split(everything(connection))
    assert status == "HTTP/1.1 201 Created"
    assert len(body) == int(headers["content-length"])
    assert json.loads(body)["to"] == TO


def test_a_dripping_answer_comes_byte_by_byte(sandbox: Sandbox, connection: socket.socket) -> None:
    sandbox.behave("twilio", fault="drip", pause=30)
    post(connection, sandbox)
    assert connection.recv(1000) == b"H"
    connection.setblocking(False)
    with pytest.raises(BlockingIOError):
        connection.recv(1)


def test_a_closed_connection(sandbox: Sandbox, connection: socket.socket) -> None:
    sandbox.behave("twilio", fault="close")
    post(connection, sandbox)
    assert everything(connection) == b""
    assert only_call(sandbox, "twilio").accepted


def test_a_half_closed_connection(sandbox: Sandbox, connection: socket.socket) -> None:
    sandbox.behave("twilio", fault="half-close")
    post(connection, sandbox)
    assert connection.recv(1) == b""
    for _ in range(50):  # into a closed connection the second would fail
        connection.sendall(b"x")


def test_a_reset_connection(sandbox: Sandbox, connection: socket.socket) -> None:
    sandbox.behave("twilio", fault="reset")
    post(connection, sandbox)
    with pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_half_an_answer(sandbox: Sandbox, connection: socket.socket) -> None:
    sandbox.behave("twilio", fault="half")
    post(connection, sandbox)
    status, headers, body = split(everything(connection))
    assert status == "HTTP/1.1 201 Created"
    assert 0 < len(body) < int(headers["content-length"])


def test_a_truncated_answer(sandbox: Sandbox, connection: socket.socket) -> None:
    sandbox.behave("twilio", fault="truncate")
    post(connection, sandbox)
    _, headers, body = split(everything(connection))
    assert len(body) == int(headers["content-length"])
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def test_an_answer_of_ten_megabytes(sandbox: Sandbox, connection: socket.socket) -> None:
    sandbox.behave("twilio", fault="huge")
    post(connection, sandbox)
    _, headers, body = split(everything(connection))
    assert len(body) == int(headers["content-length"])
    assert len(body) > 10_000_000
    assert b'"sid"' not in body[:10_000_000]
    assert json.loads(body)["sid"] == only_call(sandbox, "twilio").reference


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in (Fault.HANG, Fault.HALF_CLOSE)])
def test_a_break_before_the_message_is_taken(sandbox: Sandbox, connection: socket.socket, fault: Fault) -> None:
    sandbox.behave("twilio", fault=str(fault), accepts=False, pause=0.0001)
    post(connection, sandbox)
    if fault is Fault.RESET:
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    else:
        assert b"SM" not in everything(connection)
    entry = only_call(sandbox, "twilio")
    assert (entry.accepted, entry.reference) == (False, None)
    assert entry.answered["behaviour"]["fault"] == fault


def test_an_error_can_break_too(sandbox: Sandbox, connection: socket.socket) -> None:
    sandbox.behave("twilio", error=20429, retry_after=1.5, fault="drip", pause=0.0001)
    post(connection, sandbox)
    status, headers, body = split(everything(connection))
    assert status == "HTTP/1.1 429 Too Many Requests"
    assert headers["retry-after"] == "1.5"
    assert json.loads(body)["code"] == 20429


def test_other_connections_are_served_meanwhile(
    sandbox: Sandbox, connection: socket.socket, messages_url: str, twilio_auth: tuple[str, str]
) -> None:
    sandbox.behave("twilio", delay=30, times=1)
    post(connection, sandbox)
    wait_for(lambda: list(sandbox.calls("twilio")))
    assert requests.post(messages_url, auth=twilio_auth, data=FORM, timeout=10).status_code == 201
    connection.setblocking(False)
    with pytest.raises(BlockingIOError):
        connection.recv(1)


def test_a_raw_status(sandbox: Sandbox, messages_url: str, twilio_auth: tuple[str, str]) -> None:
    sandbox.behave("twilio", status=502, body="<html>Bad gateway</html>", retry_after=7)
    response = requests.post(messages_url, auth=twilio_auth, data=FORM, timeout=10)
    assert (response.status_code, response.text) == (502, "<html>Bad gateway</html>")
    assert response.headers["Retry-After"] == "7"
    assert not only_call(sandbox, "twilio").accepted


def test_a_delayed_answer_arrives(sandbox: Sandbox, messages_url: str, twilio_auth: tuple[str, str]) -> None:
    sandbox.behave("twilio", delay=0.01)
    assert requests.post(messages_url, auth=twilio_auth, data=FORM, timeout=10).status_code == 201
