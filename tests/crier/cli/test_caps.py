"""`crier caps` and `crier send --digest`, against a real gateway."""

import re

import pytest

from shared.ledger.keys import Keys
from tests.crier.cli.conftest import Client
from tests.e2e.conftest import System


@pytest.fixture
def admin(typed: Client, served: System) -> Client:
    """A terminal whose key may change caps, of a project of its own."""
    return Client(typed.home, typed.port, Keys(served.runtime.database).create("club", scopes=("read", "admin")))


def test_caps_are_set_listed_and_removed(admin: Client):
    [made] = admin.json("caps", "set", "calm", "--most", "5", "--per", "1h", "--channel", "push", "--channel", "sms")
    assert (made["most"], made["per"], made["channels"], made["over"]) == (5, "1h", ["push", "sms"], "wait")
    assert made in admin.json("caps", "list")
    shown = admin.run("caps", "list").stdout
    assert "calm" in shown and "5 per 1h" in shown and "push, sms" in shown and "put off" in shown
    assert admin.run("caps", "remove", "calm").stdout.startswith("calm is gone.")
    gone = admin.run("caps", "remove", "calm")
    assert gone.returncode == 1 and "There is no cap calm" in gone.stderr
    assert "There is no cap" in admin.run("caps", "list").stdout


def test_what_is_wrong_with_a_cap_is_told(admin: Client):
    wrong = admin.run("caps", "set", "x", "--most", "1", "--per", "weekly")
    assert wrong.returncode == 1 and "per" in wrong.stderr


def test_what_is_collected_is_told_and_shown(typed: Client):
    asked = (
        "send", "activity_digest", "--to", "digest@example.com", "--data", "actor=Grace", "--data", "text=2027",
        "--digest", "2h", "--digest-key", "typed",
    )  # fmt: skip
    first = typed.json(*asked)
    assert (first["state"], first["collected"]) == ("scheduled", 1)
    second = typed.run(*asked)
    assert second.returncode == 0, second.stderr
    assert first["id"] in second.stdout and "2 collected" in second.stdout
    assert re.search(r"^collected +2 *$", typed.run("show", first["id"]).stdout, re.MULTILINE)
    tomorrow = typed.json(*asked[:-4], "--digest", "08:00")
    assert tomorrow["id"] != first["id"]
    alone = typed.run(*asked[:-4], "--digest-key", "x")
    assert alone.returncode == 2 and "--digest" in alone.stderr
    for one in (first, tomorrow):
        typed.run("cancel", one["id"])
