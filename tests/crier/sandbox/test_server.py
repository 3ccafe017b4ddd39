"""The sandbox as a whole: settings, ports, folders, starting and stopping."""

import json
import logging
import socket
from pathlib import Path

import pytest
import requests

from crier.sandbox import Ports, Sandbox
from tests.crier.sandbox.clients import twilio_client, wait_for


def test_the_settings_point_at_the_stand_ins(sandbox: Sandbox) -> None:
    settings = sandbox.environment
    assert settings["SMTP_TLS"] == "starttls"
    pointed = {
        name: value for name, value in settings.items() if name.endswith(("_BASE_URL", "_API_URL", "_ENDPOINT_URL"))
    }
    assert len(pointed) == len(sandbox.vendors)
    assert all(value.startswith(sandbox.url) for value in pointed.values()), pointed
    account = json.loads(Path(settings["FIREBASE_CREDENTIALS_PATH"]).read_bytes())
    assert account["token_uri"] == f"{sandbox.url}/token"
    assert account["type"] == "service_account"


def test_secrets_are_readable_by_their_owner_only(sandbox: Sandbox) -> None:
    for name in ("firebase-service-account.json", "smtp-server.pem", "journal.ndjson"):
        assert (sandbox.folder / name).stat().st_mode & 0o777 == 0o600


def test_it_listens_on_this_machine_only(sandbox: Sandbox) -> None:
    for port in (sandbox.ports.http, sandbox.ports.smtp, sandbox.ports.smtps):
        for family, address in _others():
            with socket.socket(family, socket.SOCK_STREAM) as client:
                client.settimeout(5)
                with pytest.raises(OSError):  # noqa: PT011 - refused or unreachable
                    client.connect((address, port))


def _others() -> list[tuple[socket.AddressFamily, str]]:
    """This machine's addresses but 127.0.0.1."""
    found = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)
    return [(family, str(address[0])) for family, _, _, _, address in found if not str(address[0]).startswith("127.")]


def test_a_taken_port_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=rf"port {sandbox.ports.smtp} of 127\.0\.0\.1"):
        Sandbox(tmp_path, Ports(smtp=sandbox.ports.smtp))


def test_another_run_in_the_folder_goes_on(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as first:
        sid = twilio_client(first).messages.create(to="+447700900123", from_="+15005550006", body="Hello").sid
        key = json.loads(Path(first.environment["FIREBASE_CREDENTIALS_PATH"]).read_bytes())["private_key"]
    with Sandbox(tmp_path) as second:
        assert twilio_client(second).messages(sid).fetch().status == "delivered"
        account = json.loads(Path(second.environment["FIREBASE_CREDENTIALS_PATH"]).read_bytes())
        assert account["private_key"] == key
        assert account["token_uri"] == f"{second.url}/token"
        assert [entry.sequence for entry in second.calls("twilio")] == [1, 2]


def test_stopping_ends_hung_connections(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as sandbox:
        sandbox.behave("smtp", stage="connect", fault="hang")
        sandbox.behave("twilio", fault="hang")
        smtp = socket.create_connection(("127.0.0.1", sandbox.ports.smtp), timeout=10)
        http = socket.create_connection(("127.0.0.1", sandbox.ports.http), timeout=10)
        http.sendall(b"POST /2010-04-01/Accounts/x/Messages.json HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        wait_for(lambda: len(list(sandbox.calls())) == 2)  # both hang
    with smtp, http:
        assert smtp.recv(1) == b""
        assert http.recv(1) == b""


def test_stopping_twice_is_harmless(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path).start()
    sandbox.stop()
    sandbox.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(sandbox.url, timeout=5)


def test_a_vendor_there_is_not_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="there is smtp, twilio, "):
        sandbox.behave("pager", error=1)


@pytest.mark.parametrize(
    ("vendor", "rule", "words"),
    [
        ("twilio", {"error": "99999"}, "error: twilio documents 10001, 20001"),
        ("twilio", {"stage": "token"}, "stage: twilio has send, look-up"),
        ("fcm", {"error": "GONE"}, "error: fcm documents UNREGISTERED"),
    ],
)
def test_what_a_vendor_does_not_do_is_refused(
    sandbox: Sandbox, vendor: str, rule: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        sandbox.behave(vendor, **rule)


def test_a_journal_that_cannot_be_written_answers_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    with Sandbox(tmp_path) as sandbox:
        sandbox.journal._file.close()  # as a disk that is gone
        with pytest.raises(requests.ConnectionError):
            twilio_client(sandbox).messages.create(to="+447700900123", from_="+15005550006", body="Hello")
        with socket.create_connection(("127.0.0.1", sandbox.ports.smtp), timeout=10) as client:
            lines = client.makefile("rb")
            assert lines.readline().startswith(b"220 ")
            client.sendall(b"MAIL FROM:<a@example.com>\r\nEHLO x\r\n")
            with pytest.raises(ConnectionResetError):
                lines.readline()
