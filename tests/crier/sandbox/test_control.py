"""The control routes, by which programs in other processes use the sandbox."""

import json
import socket
from collections.abc import Callable

import pytest
import requests

from crier.sandbox import Sandbox

Post = Callable[..., requests.Response]
TO = "+447700900123"


@pytest.fixture
def post(messages_url: str, twilio_auth: tuple[str, str]) -> Post:
    def send(to: str = TO) -> requests.Response:
        form = {"To": to, "From": "+15005550006", "Body": "Hello"}
        return requests.post(messages_url, auth=twilio_auth, data=form, timeout=10)

    return send


def test_calls_are_listed_as_json(sandbox: Sandbox, post: Post) -> None:
    post(), post()
    first, second = requests.get(f"{sandbox.url}/calls", timeout=10).json()
    assert (first["vendor"], first["recipient"], first["accepted"]) == ("twilio", TO, True)
    assert second["sequence"] == first["sequence"] + 1
    assert requests.get(f"{sandbox.url}/calls?vendor=smtp", timeout=10).json() == []
    assert requests.get(f"{sandbox.url}/calls?after={first['sequence']}", timeout=10).json() == [second]


def test_calls_are_listed_a_line_each(sandbox: Sandbox, post: Post) -> None:
    for number in range(3):
        post(f"+44770090012{number}")
    headers = {"Accept": "application/x-ndjson"}
    response = requests.get(f"{sandbox.url}/calls?recipient=%2B447700900121", headers=headers, timeout=10)
    assert response.headers["Content-Type"].startswith("application/x-ndjson")
    assert [json.loads(line)["recipient"] for line in response.text.splitlines()] == ["+447700900121"]


def test_a_long_list_is_whole(sandbox: Sandbox, post: Post) -> None:
    for _ in range(100):
        post()
    assert len(requests.get(f"{sandbox.url}/calls", timeout=10).json()) == 100


def test_a_bad_filter_is_named(sandbox: Sandbox) -> None:
    response = requests.get(f"{sandbox.url}/calls?after=yesterday", timeout=10)
    assert (response.status_code, "after" in response.json()["error"]) == (422, True)


def test_calls_are_forgotten(sandbox: Sandbox, post: Post) -> None:
    post()
    assert requests.delete(f"{sandbox.url}/calls", timeout=10).status_code == 204
    assert requests.get(f"{sandbox.url}/calls", timeout=10).json() == []


def test_behaviour_is_told_and_reset(sandbox: Sandbox, post: Post) -> None:
    rule = {"error": 20429, "times": 2, "retry_after": 3}
    told = requests.put(f"{sandbox.url}/behaviour/twilio", json=rule, timeout=10)
    assert told.json() == [{"stage": "send", "times": 2, "error": "20429", "retry_after": 3.0}]
    assert post().status_code == 429
    shown = requests.get(f"{sandbox.url}/behaviour", timeout=10).json()
    assert {vendor for vendor, rules in shown.items() if not rules} == {"smtp", *sandbox.vendors} - {"twilio"}
    assert shown["twilio"] == [{"stage": "send", "times": 1, "error": "20429", "retry_after": 3.0}]
    assert requests.delete(f"{sandbox.url}/behaviour", timeout=10).status_code == 204
    assert post().status_code == 201


def test_rules_are_replaced_in_order(sandbox: Sandbox, post: Post) -> None:
    sandbox.behave("twilio", error=20500)
    rules = [{"recipient": "+44*", "error": 21610}, {"error": 21211}]
    assert requests.put(f"{sandbox.url}/behaviour/twilio", json=rules, timeout=10).status_code == 200
    assert [post(to).json()["code"] for to in (TO, "+33612345678")] == [21610, 21211]


@pytest.mark.parametrize(
    ("vendor", "body", "words"),
    [
        ("pager", "{}", "there is smtp, twilio, "),
        ("twilio", '{"error": 1}', "twilio documents"),
        ("twilio", '{"fault": "x"}', "Must be one of: hang"),
        ("twilio", "[1]", "must be an object"),
        ("twilio", "{", "unexpected end"),
    ],
)
def test_what_cannot_be_told_is_explained_and_changes_nothing(
    sandbox: Sandbox, vendor: str, body: str, words: str
) -> None:
    sandbox.behave("twilio", error=21610)
    response = requests.put(f"{sandbox.url}/behaviour/{vendor}", data=body, timeout=10)
    assert response.status_code == 422
    assert words in response.json()["error"]
    assert [rule["error"] for rule in sandbox.rules["twilio"].show()] == ["21610"]


def test_a_call_no_stand_in_understands_is_refused_and_kept(sandbox: Sandbox) -> None:
    response = requests.post(f"{sandbox.url}/v3/nothing", data=b"\xff", timeout=10)
    assert response.status_code == 404
    [entry] = sandbox.calls("unknown")
    assert (entry.received["path"], entry.received["body_base64"]) == ("/v3/nothing", "/w==")


def test_bytes_that_are_no_text_are_kept_as_far_as_they_go(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.ports.http), timeout=10) as client:
        client.sendall(b"GET /odd HTTP/1.1\r\nHost: localhost\r\nX-Odd: \xff1\r\nX-Odd: 2\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 404 ")
    [entry] = sandbox.calls("unknown")
    assert entry.received["headers"]["x-odd"] == "?1, 2"


@pytest.mark.parametrize("path", ["/", "/calls", "/behaviour"])
def test_a_foreign_name_for_this_machine_is_refused(sandbox: Sandbox, path: str) -> None:
    response = requests.get(f"{sandbox.url}{path}", headers={"Host": "evil.example"}, timeout=10)
    assert response.status_code == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_this_machines_own_names_are_not(sandbox: Sandbox, host: str) -> None:
    headers = {"Host": f"{host}:{sandbox.ports.http}"}
    assert requests.get(f"{sandbox.url}/calls", headers=headers, timeout=10).status_code == 200
