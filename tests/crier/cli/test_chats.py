"""`crier chats` and `crier send --to chat:…` against a real gateway, and a stand-in of Slack."""

from collections.abc import Iterator

import pytest

from crier.sandbox.chat import Slack, slack
from shared.ledger.keys import SCOPES, Keys
from shared.setup import prepare
from tests.crier.cli.conftest import Client
from tests.e2e.conftest import System

URL = Slack.url("BOPS")


@pytest.fixture(scope="module")
def working(served: System) -> Iterator[System]:
    """The same system, with the service that sends chat messages."""
    prepare(served.environment["CRIER_DATABASE_URL"])
    served.start("chat")
    yield served
    served.terminate("chat")


@pytest.fixture
def admin(typed: Client, served: System, request: pytest.FixtureRequest) -> Client:
    """`crier` with a key that may do everything, of a project of this test alone."""
    project = request.node.name[:60]
    return Client(typed.home, typed.port, Keys(served.runtime.database).create(project, scopes=SCOPES))


def test_a_destination_is_made_listed_moved_and_removed(admin: Client) -> None:
    assert "There are no destinations" in admin.run("chats", "list").stdout
    made = admin.run("chats", "add", "ops", URL, "--description", "On call")
    assert "crier chats test ops" in made.stdout
    assert slack.TOKEN not in made.stdout + admin.run("chats", "list").stdout
    [one] = admin.json("chats", "list")
    assert (one["name"], one["service"], one["url"], one["description"]) == ("ops", "slack", "slack://…", "On call")
    moved = admin.json("chats", "move", "ops", "tgram://123456789:abcdefghijk/1")
    assert (moved["id"], moved["service"]) == (one["id"], "telegram")
    assert "Deleted." in admin.run("chats", "remove", "ops").stdout
    gone = admin.run("chats", "test", "ops")
    assert (gone.returncode, "There is no destination ops" in gone.stderr) == (1, True)


def test_mistakes_are_said_with_their_remedy(admin: Client) -> None:
    assert "use the email channel" in admin.run("chats", "add", "ops", "mailto://a:b@example.com").stderr
    assert "Did you mean slack?" in admin.run("chats", "add", "ops", "slak://a/b/c").stderr
    assert "GET /v1/chats lists them" in admin.run("send", "--to", "chat:ops", "--body", "Hello").stderr


def test_a_test_and_an_alert_arrive(admin: Client, working: System) -> None:
    admin.run("chats", "add", "ops", URL)
    assert admin.run("chats", "test", "ops", "--wait").returncode == 0
    sent = admin.run(
        "send", "system_alert", "--to", "chat:ops", "--data", "severity=critical", "--data", "title=Slow",
        "--data", "summary=@everyone [x](http://e.example)", "--data", "happened_at=2027-03-01T03:12:00Z", "--wait",
    )  # fmt: skip
    assert sent.returncode == 0, sent.stderr
    shown = [working.sandbox.preview(call) for call in working.sandbox.calls("slack", recipient="BOPS")]
    assert [one.title for one in shown] == ["A test", "[Critical] Slow"]
    assert shown[1].text.startswith("@\u200beveryone [x](http://e.example)\n")


def test_what_is_refused_ends_with_1(admin: Client, working: System) -> None:
    admin.run("chats", "add", "old", Slack.url("BOLD"))
    working.sandbox.behave("slack", recipient="BOLD", error="channel_is_archived")
    assert admin.run("chats", "test", "old", "--wait").returncode == 1
