"""`crier health` and `crier doctor`: what is not well is named, with what to do."""

import json
import os
import socket
from typing import Any

import pytest

from crier.local import ports, processes
from crier.local.cluster import Cluster
from tests.crier.cli.conftest import Terminal


def checks(terminal: Terminal, command: str, code: int, **environment: str) -> dict[str, dict[str, Any]]:
    result = terminal.run(command, "--json", **environment)
    assert result.returncode == code, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["ok"] is (code == 0)
    return {check["name"]: check for check in report["checks"]}


def pid(terminal: Terminal, name: str) -> int:
    found = next(state.pid for state in Cluster(terminal.home).states() if state.name == name)
    assert found is not None
    return found


def test_all_is_well_in_a_new_cluster(running: Terminal) -> None:
    found = checks(running, "health", 0)
    assert list(found) == [
        "postgres", "redis", "gateway", "inbox", "relay", "scheduler", "workers", "database", "broker", "results",
        "readiness", "inboxes", "providers",
    ]  # fmt: skip
    assert {check["level"] for check in found.values()} == {"ok"}
    assert "✓  readiness" in running.run("health").stdout


@pytest.mark.parametrize(
    ("program", "check", "remedy"),
    [
        ("postgres", "database", "crier restart postgres"),
        ("redis", "broker", "crier restart redis"),
        ("gateway", "readiness", "crier restart gateway"),
        ("inbox", "inboxes", "crier restart inbox"),
    ],
)
def test_what_hangs_is_named_with_what_to_do(running: Terminal, program: str, check: str, remedy: str) -> None:
    victim = pid(running, program)
    processes.pause_tree(victim)
    try:
        found = checks(running, "health", 1)
    finally:
        processes.resume_tree(victim)
    assert found[check]["level"] == "fail"
    assert remedy in found[check]["remedy"]
    assert found["relay"]["level"] == "ok"


def test_no_password_is_shown(running: Terminal) -> None:
    environment = Cluster(running.home).running().environment
    password = environment["CRIER_DATABASE_URL"].split(":")[2].split("@")[0]
    shown = "".join(running.run(*command).stdout for command in (["health"], ["doctor"], ["status", "--json"]))
    assert "postgresql://127.0.0.1:" in shown
    assert password not in shown


def test_the_doctor_finds_a_running_cluster_s_tables_current_and_clock_right(running: Terminal) -> None:
    found = checks(running, "doctor", 0)
    assert (found["tables"]["level"], found["clock"]["level"]) == ("ok", "ok")
    assert str(running.port) in found["gateway port"]["text"]


def test_the_doctor_finds_the_embedded_servers_before_the_first_up(terminal: Terminal) -> None:
    found = checks(terminal, "doctor", 0)
    assert found["postgresql"]["text"].startswith("18.")
    assert found["redis"]["text"][0].isdigit()
    assert not terminal.home.root.exists()


def test_the_doctor_names_a_taken_port_and_what_changes_it(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", terminal.port)):
        check = checks(terminal, "doctor", 1)["gateway port"]
    assert f"pid {os.getpid()}" in check["text"]
    assert "--port" in check["remedy"]
    assert "CRIER_GATEWAY_PORT" in check["remedy"]


def test_the_doctor_names_the_variable_of_a_server_that_is_away(terminal: Terminal) -> None:
    nowhere = ports.free_port()
    found = checks(
        terminal,
        "doctor",
        1,
        CRIER_DATABASE_URL=f"postgresql://ada:secret@127.0.0.1:{nowhere}/crier",
        CRIER_BROKER_URL=f"amqp://ada:secret@127.0.0.1:{nowhere}/",
    )
    assert "CRIER_DATABASE_URL" in found["postgresql"]["text"]
    assert "CRIER_BROKER_URL" in found["broker"]["text"]
    assert "secret" not in json.dumps(found)


def test_the_doctor_sees_tables_that_are_missing(terminal: Terminal, empty_database_url: str) -> None:
    check = checks(terminal, "doctor", 1, CRIER_DATABASE_URL=empty_database_url)["tables"]
    assert "crier up" in check["remedy"]


def test_the_doctor_names_settings_that_are_wrong(terminal: Terminal) -> None:
    found = checks(terminal, "doctor", 1, CRIER_LEASE="5", CRIER_BATCH_SIZ="10")
    assert found["settings"]["level"] == "fail"
    text = terminal.run("doctor", CRIER_LEASE="5", CRIER_BATCH_SIZ="10").stdout
    assert "CRIER_TIME_LIMIT (20 s) must be less than CRIER_LEASE (5 s)" in text
    assert "Did you mean CRIER_BATCH_SIZE?" in text


def test_the_doctor_names_a_home_that_cannot_be_written_to(terminal: Terminal) -> None:
    check = checks(terminal, "doctor", 1, CRIER_HOME="/dev/null/crier")["home"]
    assert "CRIER_HOME" in check["remedy"]
    refused = terminal.run("up", "--detach", CRIER_HOME="/dev/null/crier")
    assert refused.returncode == 1
    assert "Set CRIER_HOME to a folder of your own" in refused.stderr
