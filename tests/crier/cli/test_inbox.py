"""`crier inbox`, and the client's inbox, against a real gateway and a real stream."""

import json
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from uuid import uuid4

import pytest

from crier.answers import InboxEvent
from crier.client import Client as PythonClient
from crier.errors import ApiProblem
from shared.errors import CrierError
from shared.ledger.ids import new_id
from shared.ledger.inbox import Inboxes, Put
from tests.crier.cli.conftest import Client
from tests.e2e.conftest import System

PutIn = Callable[..., list[str]]


@pytest.fixture
def user() -> str:
    return f"ada {uuid4().hex[:8]} ü"


@pytest.fixture
def put(served: System, user: str) -> PutIn:
    """Put notifications into the user's inbox; their ids, oldest first."""

    def put_in(*titles: str) -> list[str]:
        many = [Put(new_id(), served.project_id, user, {"title": title, "body": "…"}) for title in titles]
        Inboxes(served.runtime.database).put(many)
        return [str(one.id) for one in many]

    return put_in


def titles(typed: Client, *arguments: str) -> list[str]:
    return [item["title"] for item in json.loads(typed.run("inbox", *arguments, "--json").stdout)]


def test_a_person_sees_a_table_and_how_many_are_unread(typed: Client, user: str, put: PutIn):
    assert typed.run("inbox", user).stdout == "There is nothing: unread are 0.\n"
    [one, _] = put("Your boat\x1b[2J", "Your berth")
    shown = typed.run("inbox", user).stdout
    assert "Your berth" in shown
    assert "\x1b" not in shown
    assert shown.endswith("Unread: 2.\n")
    assert typed.run("inbox", user, "--mark", "read", one).returncode == 0
    assert typed.run("inbox", user).stdout.endswith("Unread: 1.\n")


def test_what_is_typed_marks_and_archives(typed: Client, user: str, put: PutIn):
    [one, two, three] = put("one", "two", "three")
    typed.run("inbox", user, "--mark", "archive", two)
    assert titles(typed, user) == ["three", "one"]
    assert titles(typed, user, "--state", "archived") == ["two"]
    typed.run("inbox", user, "--mark", "unarchive", two)
    typed.run("inbox", user, "--mark", "read", three)
    assert titles(typed, user, "--state", "unread", "-n", "1") == ["two"]
    assert typed.run("inbox", user, "--read-all").stdout == "Marked as read: 2.\n"
    assert titles(typed, user, "--state", "unread") == []
    assert typed.run("inbox", user, "--mark", "unread", one).returncode == 0
    assert titles(typed, user, "--state", "unread") == ["one"]


def test_mistakes_are_told(typed: Client, user: str):
    missing = typed.run("inbox", user, "--mark", "read", str(uuid4()))
    assert (missing.returncode, "There is no such notification in this inbox." in missing.stderr) == (1, True)
    both = typed.run("inbox", user, "--watch", "--read-all")
    assert (both.returncode, "Say one of --watch, --mark and --read-all." in both.stderr) == (2, True)


def test_a_client_reads_marks_and_makes_tokens(client: PythonClient, user: str, put: PutIn):
    inbox = client.inbox(user)
    [one, two] = put("one", "two")
    assert ([item["title"] for item in inbox.list()], inbox.count()) == (["two", "one"], 2)
    assert inbox.read(one)["read_at"]
    assert inbox.unread(one)["read_at"] is None
    assert inbox.archive(two)["archived_at"]
    assert [item["id"] for item in inbox.list(state="archived")] == [two]
    assert inbox.unarchive(two)["archived_at"] is None
    assert (inbox.read_all(), inbox.count()) == (2, 0)
    assert inbox.token(expires_in=60)["user_id"] == user
    with pytest.raises(ApiProblem, match="expires_in"):
        inbox.token(expires_in=1)


def test_a_client_follows_an_inbox_across_a_restart_of_its_server(
    served: System, client: PythonClient, user: str, put: PutIn
):
    served.start("inbox")
    heard: list[InboxEvent] = []

    def listen() -> None:
        with suppress(CrierError):
            for event in client.inbox(user).watch():
                heard.append(event)

    Thread(target=listen, daemon=True).start()

    def told() -> list[str]:
        return [event["data"]["title"] for event in heard if event["event"] == "notification"]

    served.wait_until(lambda: bool(heard), "the stream is open")
    assert heard[0]["data"] == {"unread": 0}
    put("one")
    served.wait_until(lambda: told() == ["one"], "the first is told")
    served.kill("inbox")
    put("two")
    served.start("inbox")
    put("three")
    served.wait_until(lambda: told() == ["one", "two", "three"], "what came meanwhile is told, once")
    served.wait_until(lambda: heard[-1]["data"] == {"unread": 3}, "the count is told")


def test_what_is_typed_follows_too(served: System, typed: Client, user: str, put: PutIn):
    served.start("inbox")
    with typed.spawn("inbox", user, "--watch") as process:
        assert process.stdout
        assert process.stdout.readline() == "unread: 0\n"
        [one] = put("Your boat")
        assert process.stdout.readline() == "Your boat  …\n"
        assert process.stdout.readline() == "unread: 1\n"
        client = PythonClient(f"http://127.0.0.1:{served.gateway_port}", served.key)
        client.inbox(user).read(one)
        assert process.stdout.readline() == f"{one} is read\n"
    served.terminate("inbox")
