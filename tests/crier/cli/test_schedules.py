"""`crier schedules` against a real gateway, and a relay that fires."""

import json
from pathlib import Path

import pytest

from crier import Client as Api
from shared.ledger.keys import SCOPES, Keys
from tests.crier.cli.conftest import Client
from tests.e2e.conftest import System


@pytest.fixture
def mine(typed: Client, served: System, request: pytest.FixtureRequest) -> Client:
    """`crier` with a key of a project of this test alone."""
    project = request.node.name[:60]
    return Client(typed.home, typed.port, Keys(served.runtime.database).create(project, scopes=SCOPES))


def test_what_is_due_is_sent_by_the_relay_and_shown(mine: Client, served: System) -> None:
    number = "+447700900771"
    made = mine.json("schedules", "create", "soon", "--at", "4s", "--to", number, "--body", "Your table is ready.")
    assert (made["state"], len(made["next_fires"])) == ("active", 1)

    def ended() -> bool:
        return mine.json("schedules", "show", made["id"])["state"] == "ended"

    served.wait_until(ended, "the schedule fires")
    served.wait_until(lambda: served.sent_to()[number] == 1, "its message arrives")
    [fire] = mine.json("schedules", "show", made["id"])["fires"]
    assert fire["state"] == "fired"
    assert mine.json("show", fire["notification_id"])["content"] == {"body": "Your table is ready."}
    shown = mine.run("schedules", "show", made["id"]).stdout
    assert "fired" in shown
    assert fire["notification_id"] in shown


def test_one_is_made_listed_paused_resumed_and_deleted(mine: Client, tmp_path: Path) -> None:
    assert "There are no schedules" in mine.run("schedules", "list").stdout
    report = tmp_path / "report.json"
    content = {"subject": "Good morning", "text": "Your bookings."}
    report.write_text(json.dumps({"channel": "email", "to": {"email": "ada@example.com"}, "content": content}))
    shown = mine.run(
        "schedules", "create", "report", "--cron", "0 9 * * 1-5", "--timezone", "Europe/London", "--misfire", "skip",
        "--misfire-grace", "300", "--request", f"@{report}",
    ).stdout  # fmt: skip
    assert "0 9 * * 1-5 in Europe/London" in shown
    assert "skip, after 300 s" in shown
    [one] = mine.json("schedules", "list")
    identifier = one["id"]
    assert "report" in mine.run("schedules", "list").stdout
    assert len(mine.json("schedules", "show", identifier)["next_fires"]) == 5
    assert mine.json("schedules", "pause", identifier)["next_fire_at"] is None
    assert [found["id"] for found in mine.json("schedules", "list", "--state", "paused")] == [identifier]
    assert "active" in mine.run("schedules", "resume", identifier).stdout
    assert "Deleted." in mine.run("schedules", "delete", identifier).stdout
    gone = mine.run("schedules", "show", identifier)
    assert (gone.returncode, "There is no schedule" in gone.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("--every 1h --cron @daily --to +447700900123 --body x", 2, "one of --at, --every and --cron"),
        ("--every 1h", 2, "Say what is sent"),
        ("--every 1h --request report.json", 2, "with an @ before it"),
        ("--every 1h --request @report.json --body x", 2, "--request is all that is sent"),
        ("--every 1s --to +447700900123 --body x", 1, "from 60s to 366d"),
        ("--cron @daily --timezone Europe/Pariss --to +447700900123 --body x", 1, "Did you mean Europe/Paris?"),
        ("--cron @daily --template one_time_code --to +447700900123 --data code=1234", 1, "cannot be scheduled"),
    ],
)
def test_mistakes_are_said_with_their_remedy(mine: Client, words: str, code: int, said: str) -> None:
    refused = mine.run("schedules", "create", "x", *words.split())
    assert (refused.returncode, said in " ".join(refused.stderr.split())) == (code, True), refused.stderr


def test_the_client_does_the_same(mine: Client) -> None:
    with Api(f"http://127.0.0.1:{mine.port}", mine.key) as api:
        request = {"channel": "sms", "to": {"phone": "+447700900123"}, "content": {"body": "Hello"}}
        made = [
            api.schedules.create("hello", trigger={"every": "1h"}, request=request, idempotency_key="k")
            for _ in range(2)
        ]
        assert made[0]["id"] == made[1]["id"]
        assert [one["name"] for one in api.schedules.list()] == ["hello"]
        assert api.schedules.pause(made[0]["id"])["state"] == "paused"
        assert api.schedules.resume(made[0]["id"])["state"] == "active"
        assert api.schedules.get(made[0]["id"])["request"] == request
        api.schedules.delete(made[0]["id"])
        assert list(api.schedules.list(state="active")) == []
