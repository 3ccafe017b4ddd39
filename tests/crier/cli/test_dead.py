"""`crier dead` and `crier unknown`, against a real gateway and ledger."""

import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from werkzeug.serving import make_server

from crier.cli import main
from crier.client import Client as Api
from crier.local.home import Home
from services.gateway import create_app
from services.gateway.parts import Parts
from shared.crypto import Sealer, new_key
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from tests.crier.cli.conftest import Client

Made = Callable[..., list[tuple[str, str]]]
_ATTEMPT = text("""
    INSERT INTO attempts (delivery_id, fence, provider, started_at, outcome, code, detail)
    SELECT id, 1, 'twilio', now() - interval '2 seconds', :outcome, :code, :detail FROM deliveries WHERE id = :id
""")
_DEAD = text("""
    WITH ended AS (
        UPDATE deliveries SET state = 'failed', due_at = NULL, settled_at = now(), provider = 'twilio', reason = :detail
        WHERE id = :id RETURNING *)
    INSERT INTO dead_letters (id, kind, project_id, queue, name, why, code, detail)
    SELECT id, 'delivery', project_id, queue, 'twilio', :why, :code, :detail FROM ended
""")
_HELD = text("""
    UPDATE deliveries SET state = 'unknown', doubt = true, due_at = NULL, held_at = now(), provider = 'twilio',
           started_at = now(), reason = :detail
    WHERE id = :id
""")


class Silent:
    """Bells that nobody hears."""

    def ring(self, queue: str) -> None:
        pass


class Typed(Client):
    """`crier` in this process: it is started often here."""

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        done = CliRunner().invoke(main, arguments, env={**self.environment, **environment})
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


@pytest.fixture
def typed(database: Database, tmp_path: Path) -> Iterator[Typed]:
    """`crier` for a gateway without workers, whose ledger is this test's."""
    server = make_server("127.0.0.1", 0, create_app(Parts.of(database, Sealer(new_key()), Silent())), threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield Typed(Home(tmp_path / "home"), server.port, Keys(database).create("acme", scopes=("send", "read")))
    server.shutdown()
    thread.join()


@pytest.fixture
def waiting(typed: Client) -> Made:
    """SMS that wait for their time; (notification, delivery) of each."""
    api = Api(typed.environment["CRIER_URL"], typed.key)

    def make(count: int = 1) -> list[tuple[str, str]]:
        later = datetime.now(UTC) + timedelta(hours=1)
        ids = [
            api.send(channel="sms", to={"phone": "+447700900189"}, content={"body": "Hi"}, send_at=later)["id"]
            for _ in range(count)
        ]
        return [(one, api.get(one)["deliveries"][0]["id"]) for one in ids]

    return make


@pytest.fixture
def die(database: Database, waiting: Made) -> Made:
    """SMS that were given up."""

    def kill(count: int = 1, why: str = "refused") -> list[tuple[str, str]]:
        made = waiting(count)
        for _, delivery in made:
            row = {"id": delivery, "code": "21211", "detail": "No such \x1b[31mnumber."}
            database.execute(_ATTEMPT, row | {"outcome": "rejected"})
            database.execute(_DEAD, row | {"why": why})
        return made

    return kill


@pytest.fixture
def hold(database: Database, waiting: Made) -> Made:
    """SMS of which nobody knows."""

    def make(count: int = 1) -> list[tuple[str, str]]:
        made = waiting(count)
        for _, delivery in made:
            row = {"id": delivery, "detail": "It hung up."}
            database.execute(_ATTEMPT, row | {"outcome": "unknown", "code": None})
            database.execute(_HELD, row)
        return made

    return make


def state_of(typed: Client, notification: str) -> str:
    return str(typed.json("show", notification)["state"])


def test_a_stranger_learns_why_it_died_and_what_to_do(typed: Client, die: Made):
    ((notification, delivery),) = die()
    listed = typed.run("dead", "list", "--why", "refused").stdout
    assert delivery in listed
    for identifier in (delivery, notification):
        shown = typed.run("dead", "show", identifier).stdout
        for words in (
            "refused it for good", "twilio", "21211", "No such", "2.0 s", "+447700900189",
            f"crier dead replay {delivery}",
        ):  # fmt: skip
            assert words in shown, shown
        assert "\x1b" not in shown
    assert typed.json("dead", "show", delivery)["attempts"][0]["code"] == "21211"
    assert typed.run("dead", "list", "--code", "none").stdout.strip() == "None like that is dead."


def test_one_is_replayed_once(typed: Client, die: Made):
    ((notification, delivery),) = die()
    done = typed.run("dead", "replay", delivery)
    assert (done.returncode, done.stdout.strip()) == (0, "Replayed: 1."), done.stderr
    assert state_of(typed, notification) not in ("failed", "scheduled")
    again = typed.run("dead", "replay", delivery)
    assert (again.returncode, "not dead" in again.stderr) == (1, True)
    nothing = typed.run("dead", "show", "0198c0de-0000-7000-8000-000000000000")
    assert (nothing.returncode, "no dead letter" in nothing.stderr) == (1, True)


def test_many_are_only_touched_when_somebody_has_seen_how_many(typed: Client, die: Made):
    made = die(3, why="limit")
    assert typed.json("dead", "replay", "--why", "limit", "--dry-run") == {"matching": 3}
    unasked = typed.run("dead", "purge", "--why", "limit")
    assert (unasked.returncode, "Purge 3 dead letters? Nobody can answer here" in unasked.stderr) == (2, True)
    for wrong in ([], ["--all", "--why", "limit"], [made[0][1], "--why", "limit"], [made[0][1], "--all"]):
        refused = typed.run("dead", "purge", *wrong)
        assert refused.returncode == 2, refused.stdout
    assert typed.json("dead", "replay", "--why", "limit", "--yes") == {"done": 3, "skipped": 0, "refusals": {}}
    assert typed.run("dead", "replay", "--why", "limit", "--yes").stdout.strip() == "None match: nothing to do."


def test_what_cannot_be_replayed_is_named(typed: Client, database: Database, die: Made):
    ((_, gone), _) = die(2, why="not-composed")
    database.execute(text("UPDATE deliveries SET expires_at = now() WHERE id = :id"), {"id": gone})
    done = typed.run("dead", "replay", "--why", "not-composed", "--yes")
    assert (done.returncode, "Replayed: 1." in done.stdout) == (0, True)
    assert f"{gone}  It has expired." in done.stdout
    shown = typed.run("dead", "show", gone).stdout
    assert "It has expired. Send a new notification instead." in shown
    assert "crier dead replay" not in shown
    assert typed.run("dead", "purge", gone).stdout.strip() == "Purged: 1."


def test_what_nobody_knows_is_decided(typed: Client, hold: Made):
    (arrived, lost, doubtful) = hold(3)
    assert arrived[1] in typed.run("unknown", "list", "--provider", "twilio").stdout
    shown = typed.run("unknown", "show", arrived[0]).stdout
    for words in ("nobody saw its answer", "It hung up.", "twilio", "--send-again", arrived[1]):
        assert words in shown
    assert typed.run("unknown", "decide", arrived[0], "--sent").stdout.strip() == "Marked as sent: 1."
    assert typed.run("unknown", "decide", lost[1], "--failed").stdout.strip() == "Marked as failed: 1."
    assert [state_of(typed, one) for one in (arrived[0], lost[0], doubtful[0])] == ["sent", "failed", "unknown"]
    assert typed.run("unknown", "decide", doubtful[1]).returncode == 2
    wanted = ("unknown", "decide", "--provider", "twilio", "--send-again", "--yes")
    assert typed.run(*wanted).stdout.strip() == "Queued again: 1."
    refused = typed.run("unknown", "decide", arrived[1], "--failed")
    assert (refused.returncode, "it is sent" in refused.stderr) == (1, True)
    assert typed.run("unknown", "list").stdout.strip() == "Nothing waits for a decision."


def test_tasks_are_for_admins(typed: Client):
    refused = typed.run("dead", "list", "--tasks")
    assert (refused.returncode, "scope admin" in refused.stderr) == (1, True)


def test_a_bar_shows_how_far_it_is(typed: Client, die: Made):
    die(2, why="poison")
    shown = typed.on_screen("dead", "replay", "--why", "poison", "--yes")
    assert "2/2" in shown, shown
