"""`crier audiences` and `crier campaigns` against a real gateway, and the services that do the work."""

import json
from pathlib import Path

import pytest

from shared.ledger.keys import SCOPES, Keys
from tests.crier.cli.conftest import Client
from tests.e2e.conftest import System

GUESTS = "phone,name\n+447700900801,Ada\n+447700900802,Eve\n+44 7700 900801,Ada again\n"
NOBODY = "01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f"


@pytest.fixture
def mine(typed: Client, served: System, request: pytest.FixtureRequest) -> Client:
    """`crier` with a key of a project of this test alone."""
    project = request.node.name[:60]
    return Client(typed.home, typed.port, Keys(served.runtime.database).create(project, scopes=SCOPES))


@pytest.fixture
def guests(tmp_path: Path) -> str:
    file = tmp_path / "guests.csv"
    file.write_text(GUESTS)
    return str(file)


def test_from_a_file_to_the_last_recipient(mine: Client, served: System, guests: str) -> None:
    served.start("campaigns")
    loaded = mine.json("audiences", "upload", guests, "--name", "guests")
    assert (loaded["members"], loaded["duplicates"]) == (2, 1)
    made = mine.json(
        "campaigns", "create", "Sunday", "--audience", "guests", "--channel", "sms", "--body", "We are open.",
        "--throttle", "50/s",
    )  # fmt: skip
    assert (made["state"], made["throttle"]) == ("draft", "50/s")
    refused = mine.run("campaigns", "release", made["id"])
    assert refused.returncode == 1
    assert "dry run" in refused.stderr
    tried = mine.run("campaigns", "dry-run", made["id"]).stdout
    for said in ("2  would be sent to", "1  on the list twice", "+447700900801", "body: We are open."):
        assert said in tried
    mine.json("campaigns", "release", made["id"])
    ended = mine.json("campaigns", "watch", made["id"])
    assert (ended["state"], ended["progress"]["states"]) == ("done", {"sent": 2})
    assert [served.sent_to()[number] for number in ("+447700900801", "+447700900802")] == [1, 1]
    shown = mine.run("campaigns", "show", made["id"]).stdout
    assert "done" in shown
    assert "2  sent" in shown


def test_a_list_is_shown_with_what_is_not_on_it(mine: Client, guests: str, tmp_path: Path) -> None:
    assert "There are no audiences" in mine.run("audiences", "list").stdout
    left_out = tmp_path / "left.csv"
    shown = mine.run("audiences", "upload", guests, "--name", "guests", "--left-out", str(left_out)).stdout
    assert "2  members" in shown
    assert "The same person as row 2." in shown
    assert left_out.read_text().splitlines() == ["row,field,problem,doubles", "4,(row),The same person as row 2.,2"]
    [found] = mine.json("audiences", "list")
    assert "guests" in mine.run("audiences", "list").stdout
    members = mine.run("audiences", "members", found["id"]).stdout
    assert "Ada <+447700900801>" in members
    assert "Deleted." in mine.run("audiences", "delete", found["id"]).stdout
    assert mine.json("audiences", "list") == []


def test_a_draft_is_listed_paused_in_vain_cancelled_and_deleted(mine: Client, guests: str) -> None:
    assert "There are no campaigns" in mine.run("campaigns", "list").stdout
    mine.json("audiences", "upload", guests, "--name", "guests")
    arguments = ("create", "Sunday", "--audience", "guests", "--channel", "sms", "--body", "We are open.")
    first, second = (mine.json("campaigns", *arguments) for _ in range(2))
    assert "Sunday" in mine.run("campaigns", "list", "--state", "draft").stdout
    for verb in ("pause", "resume"):
        assert "It is draft" in mine.run("campaigns", verb, first["id"]).stderr
    assert mine.json("campaigns", "cancel", first["id"])["state"] == "cancelled"
    assert "Deleted." in mine.run("campaigns", "delete", second["id"]).stdout
    assert [one["id"] for one in mine.json("campaigns", "list")] == [first["id"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["campaigns", "create", "x", "--audience", "a", "--channel", "sms"], "Say what is sent"),
        (["campaigns", "create", "x", "--audience", "a", "--channel", "sms", "--local", "9"], "--timezone"),
        (["campaigns", "create", "x", "--audience", "a", "--channel", "sms", "--past", "skip"], "belong to --local"),
        (["campaigns", "create", "x", "--audience", "none", "--channel", "sms", "--body", "x"], "no such audience"),
        (["campaigns", "show", NOBODY], "There is no campaign"),
        (["audiences", "members", NOBODY], "There is no audience"),
    ],
)
def test_what_makes_no_sense_is_refused(mine: Client, arguments: list[str], said: str) -> None:
    result = mine.run(*arguments)
    assert result.returncode != 0
    assert said in result.stderr


def test_a_whole_request_may_come_from_a_file(mine: Client, guests: str, tmp_path: Path) -> None:
    mine.json("audiences", "upload", guests, "--name", "guests")
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"content": {"body": "From a file."}, "lane": "normal"}))
    made = mine.json(
        "campaigns", "create", "x", "--audience", "guests", "--channel", "sms", "--request", f"@{file}",
        "--local", "2031-03-28T09:00", "--timezone", "Europe/London", "--past", "skip",
    )  # fmt: skip
    asked = {"channel": "sms", "content": {"body": "From a file."}, "lane": "normal"}
    assert made["request"] == {**asked, "on_unknown": "hold"}
    assert made["local_time"] == {"at": "2031-03-28T09:00:00", "timezone": "Europe/London", "past": "skip"}
