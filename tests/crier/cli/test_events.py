"""`crier events` against a real gateway, a relay that reminds, and a service that sends."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.crier.cli.conftest import Client
from tests.e2e.conftest import System


def in_so_long(**distance: float) -> str:
    return (datetime.now(UTC) + timedelta(**distance)).isoformat(timespec="seconds")


MAIL = ("--to", "ada@example.com", "--subject", "Soon", "--text", "See you.")


def test_an_event_is_made_shown_moved_and_cancelled(typed: Client) -> None:
    made = typed.run(
        "events", "create", "cli-1", "--starts", "2030-03-01T18:30", "--timezone", "Europe/London",
        "--offset", "7d", "--offset", "30m", *MAIL,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "2030-03-01 18:30 Europe/London" in made.stdout
    assert "cli-1" in typed.run("events", "list").stdout
    moved = typed.json("events", "move", "cli-1", "--starts", "2030-03-02T10:00")
    assert moved["starts_at"].startswith("2030-03-02T10:00:00")
    assert [one["state"] for one in moved["reminders"]] == ["cancelled", "cancelled", "waiting", "waiting"]
    assert typed.json("events", "show", moved["id"]) == moved
    again = typed.json(
        "events", "create", "cli-1", "--replace", "--starts", "2030-03-02T10:00", "--timezone", "Europe/London", *MAIL
    )
    assert again["offsets"] == ["24h", "2h"]
    assert typed.json("events", "cancel", "cli-1")["state"] == "cancelled"
    assert "cli-1" in typed.run("events", "list", "--state", "cancelled").stdout


def test_a_review_is_asked_for_afterwards(typed: Client) -> None:
    event = (
        "events", "create", "cli-9", "--starts", "2030-03-01T18:30", "--timezone", "Europe/London", "--duration", "45m",
        "--to", "+442079460018", "--body", "See you.", "--after", "2h",
    )  # fmt: skip
    assert "--after-template what" in typed.run(*event).stderr
    made = typed.json(
        *event, "--after-template", "review_request", "--after-data", "what=Haircut", "--after-data", "place=Fringe",
        "--after-data", "review_url=https://example.com/r/1",
    )  # fmt: skip
    assert made["follow_up"]["notification"]["to"] == {"phone": "+442079460018"}
    assert [one["due_at"][:16] for one in made["reminders"]][-1] == "2030-03-01T21:15"
    assert "+2h" in typed.run("events", "list").stdout
    refused = typed.run("events", "no-show", "cli-9")
    assert (refused.returncode, "has not begun" in refused.stderr) == (1, True)


def test_mistakes_are_said_with_their_remedy(typed: Client) -> None:
    start = ("--starts", "2030-03-01T18:30", "--timezone")
    refused = typed.run("events", "create", "cli-2", *start, "London", *MAIL)
    assert (refused.returncode, "Did you mean Europe/London" in refused.stderr) == (1, True)
    assert typed.run("events", "create", "cli-2", *start, "Europe/London", "--to", "ada@example.com").returncode == 2
    gone = typed.run("events", "show", "cli-2")
    assert (gone.returncode, "There is no event cli-2" in gone.stderr) == (1, True)


@pytest.mark.timeout(120)
def test_a_reminder_that_is_due_arrives(typed: Client, served: System) -> None:
    served.start("relay", "email")
    try:
        made = typed.json(
            "events", "create", "cli-3", "--starts", in_so_long(seconds=72), "--timezone", "Europe/London",
            "--offset", "1m", *MAIL,
        )  # fmt: skip
        assert [one["state"] for one in made["reminders"]] == ["waiting"]
        served.wait_until(
            lambda: (
                typed.json("events", "show", "cli-3")["reminders"][0]["notification_state"] in ("sent", "delivered")
            ),
            "the reminder is sent",
        )
    finally:
        served.terminate("relay")
        served.terminate("email")
