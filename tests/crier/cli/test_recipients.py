"""`crier recipients`, `categories` and `quiet-hours` against a real gateway and workers."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.ledger.keys import SCOPES, Keys
from tests.crier.cli.conftest import Client
from tests.e2e.conftest import System


@pytest.fixture
def mine(typed: Client, served: System, request: pytest.FixtureRequest) -> Client:
    """`crier` with a key of a project of this test alone."""
    project = request.node.name[:60]
    return Client(typed.home, typed.port, Keys(served.runtime.database).create(project, scopes=SCOPES))


def test_somebody_is_stored_changed_listed_and_forgotten(mine: Client) -> None:
    assert "Nobody like that" in mine.run("recipients", "list").stdout
    mine.run("recipients", "set", "u_1", "--email", "ada@example.com", "--timezone", "Europe/London")
    shown = mine.run("recipients", "set", "u_1", "--quiet", "20:00-09:30", "--locale", "en-GB").stdout
    assert "ada@example.com" in shown and "20:00 to 09:30" in shown
    stored = mine.json("recipients", "set", "u_1", "--quiet", "project", "--locale", "")
    assert (stored["email"], stored["quiet_hours"], stored["locale"]) == ("ada@example.com", None, None)
    assert mine.json("recipients", "set", "u_1", "--replace", "--phone", "+442079460018")["email"] is None
    assert "+442079460018" in mine.run("recipients", "list", "u_").stdout
    assert "is forgotten" in mine.run("recipients", "remove", "u_1").stdout
    refused = mine.run("recipients", "show", "u_1")
    assert refused.returncode == 1 and "No recipient u_1 is stored" in refused.stderr
    assert "22:00-08:00" in mine.run("recipients", "set", "u_1", "--quiet", "late").stderr


def test_a_file_of_people(mine: Client, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("user_id,email\nu_1,ada@example.com\nu_2,grace@\n")
    done = mine.run("recipients", "import", str(file))
    assert done.returncode == 1
    assert "1 stored, 1 of them new; 1 refused." in done.stdout and "line 3, email" in done.stdout
    assert [one["user_id"] for one in mine.json("recipients", "list")] == ["u_1"]


def test_what_somebody_wants_is_said_and_shown(mine: Client) -> None:
    mine.run("categories", "set", "news", "Newsletter", "--promotional")
    mine.run("categories", "set", "security", "Security", "--required")
    assert "yes, news and offers" in mine.run("categories", "list").stdout
    shown = mine.run("recipients", "preferences", "u_1", "--no", ":sms", "--no", "news:push").stdout
    assert "The recipient does not want messages by sms." in shown
    assert "The recipient does not want news by push." in shown
    assert "always" in shown
    found = mine.json("recipients", "preferences", "u_1", "--forget", ":sms", "--yes", "news")
    said = [(one["category"], one["channel"], one["wanted"]) for one in found["choices"]]
    assert said == [("news", None, True), ("news", "push", False)]
    assert "required" in mine.run("recipients", "preferences", "u_1", "--no", "security").stderr
    assert mine.run("recipients", "preferences", "u_1", "--no", "news:fax").returncode == 2
    assert "declared no more" in mine.run("categories", "remove", "news").stdout


def test_what_waits_for_the_end_of_quiet_hours_says_so(mine: Client, served: System) -> None:
    assert "no quiet hours" in mine.run("quiet-hours", "show").stdout
    now = datetime.now(UTC)
    hours = f"{now - timedelta(hours=2):%H:%M}", f"{now + timedelta(hours=2):%H:%M}"
    assert "Asia/Tokyo: sms" in mine.run("quiet-hours", "set", *hours, "--timezone", "Asia/Tokyo").stdout
    mine.run("recipients", "set", "u_1", "--phone", "+447700900771", "--timezone", "UTC")
    sent = mine.json("send", "--to", "user:u_1", "--channel", "sms", "--body", "Good night")
    served.wait_until(
        lambda: mine.json("show", sent["id"])["deliveries"][0]["reason"] is not None, "it is put off"
    )  # fmt: skip
    found = mine.json("show", sent["id"])
    assert (found["state"], found["deliveries"][0]["attempts"]) == ("scheduled", 0)
    assert [event["what"] for event in found["timeline"]] == ["accepted", "deferred"]
    shown = " ".join(mine.run("show", sent["id"]).stdout.split())
    assert f"Quiet hours until {hours[1]} (UTC)." in shown and "What is critical does not wait." in shown
    mine.run("quiet-hours", "remove")
    assert mine.json("quiet-hours", "show") is None
