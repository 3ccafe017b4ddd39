"""The demo runs what is installed, one lane with workers of its own; and nothing of the user's is in it."""

import os

import pytest

from crier.demo.routes import SHARED, SHARED_LANE
from crier.demo.stage import environment, services
from crier.local import programs
from shared.messages.content import LANES


def queues(command: tuple[str, ...]) -> list[str]:
    return list(command[command.index("--queues") + 1 :])


def test_every_lane_has_one_worker():
    table = {program.name: program for program in services(False)}
    assert set(table) == {program.name for program in programs.services()} | {"sharing"}
    shared, others = queues(table["sharing"].command), queues(table["workers"].command)
    assert sorted(shared) == sorted(f"{channel}.{SHARED_LANE}" for channel in SHARED)
    every = {f"{name}.{lane}" for name in programs.WORKERS if name not in programs.LANELESS for lane in LANES}
    assert sorted(shared + others) == sorted(every | programs.LANELESS)


def test_whoever_works_for_the_shared_lane_has_routes_by_weight():
    [sharing] = [program.command for program in services(False) if program.name == "sharing"]
    assert sharing[0] == "env"
    assert "CRIER_SMS_ROUTE=twilio:1,http:1" in sharing


def test_accounts_of_the_user_are_left_out_and_come_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC0")
    with environment({"CRIER_SMS_ROUTE": "http"}):
        assert "TWILIO_ACCOUNT_SID" not in os.environ
        assert os.environ["CRIER_SMS_ROUTE"] == "http"
        assert "PATH" in os.environ
    assert os.environ["TWILIO_ACCOUNT_SID"] == "AC0"
    assert "CRIER_SMS_ROUTE" not in os.environ
