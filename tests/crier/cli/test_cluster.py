"""`crier up`, `down`, `restart` and `status`, with the real services."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

import psutil
import pytest
import requests

from crier.local import processes
from crier.local.cluster import Cluster
from crier.local.credentials import Credentials
from tests.crier.cli.conftest import Terminal

SERVICES = ["gateway", "inbox", "relay", "scheduler", "workers"]


def programs(terminal: Terminal) -> dict[str, dict[str, Any]]:
    report = json.loads(terminal.run("status", "--json").stdout)
    return {program["name"]: program for program in report["programs"]}


def all_gone(family: list[psutil.Process]) -> bool:
    return processes.wait_gone(family, 30) == []


def test_status_shows_every_program_with_what_it_uses(running: Terminal) -> None:
    shown = running.run("status")
    assert shown.returncode == 0
    assert [line.split()[0] for line in shown.stdout.splitlines()[1:-1]] == ["postgres", "redis", *SERVICES]
    assert f"http://127.0.0.1:{running.port}" in shown.stdout
    for program in programs(running).values():
        assert program["state"] == "running"
        assert program["restarts"] == 0
        assert psutil.pid_exists(program["pid"])
        assert program["uptime"] > 0
        assert program["memory_bytes"] > 1_000_000
        assert program["cpu_percent"] >= 0


def test_up_leaves_a_key_with_which_the_gateway_lets_one_in(running: Terminal) -> None:
    credentials = Credentials.read(running.home.credentials)
    assert credentials is not None
    url = f"{credentials.url}/v1/notifications"
    with_key = requests.get(url, headers={"Authorization": f"Bearer {credentials.api_key}"}, timeout=10)
    without = requests.get(url, timeout=10)
    assert (with_key.status_code, without.status_code) == (200, 401)


def test_a_second_up_says_what_runs_and_how_to_end_it(running: Terminal) -> None:
    refused = running.run("up", "--detach")
    assert refused.returncode == 1
    assert "already running" in refused.stderr
    assert f"http://127.0.0.1:{running.port}" in refused.stderr
    assert "crier down" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_restart_replaces_the_services_and_leaves_the_servers(running: Terminal) -> None:
    before = programs(running)
    assert running.run("restart").returncode == 0
    after = programs(running)
    assert [name for name in after if after[name]["pid"] != before[name]["pid"]] == SERVICES


def test_restart_of_one_program_leaves_the_others(running: Terminal) -> None:
    before = programs(running)
    assert running.run("restart", "relay").returncode == 0
    after = programs(running)
    assert [name for name in after if after[name]["pid"] != before[name]["pid"]] == ["relay"]


def test_restart_of_an_unknown_program_names_the_known(running: Terminal) -> None:
    refused = running.run("restart", "worker")
    assert refused.returncode == 1
    assert "Did you mean workers?" in refused.stderr


def test_split_runs_a_program_per_channel(terminal: Terminal) -> None:
    assert terminal.run("up", "--detach", "--split").returncode == 0
    assert list(programs(terminal)) == [
        "postgres", "redis", "campaigns", "chat", "cleanup", "email", "gateway", "inapp", "inbox", "push", "relay",
        "scheduler", "sms", "webhook", "whatsapp",
    ]  # fmt: skip


def test_down_ends_everything_and_says_where_the_data_is(terminal: Terminal) -> None:
    assert terminal.run("up", "--detach").returncode == 0
    family = terminal.family()
    ended = terminal.run("down")
    assert ended.returncode == 0
    assert str(terminal.home.data) in ended.stdout
    assert all_gone(family)
    again = terminal.run("down")
    assert again.returncode == 0
    assert "Nothing was running" in again.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_it_follows_the_logs_until_it_is_told_to_end(terminal: Terminal, number: int) -> None:
    with terminal.spawn("up") as up:
        assert up.stdout is not None
        shown = []
        for line in up.stdout:
            shown.append(line)
            if "Crier is up" in line:
                requests.get(f"http://127.0.0.1:{terminal.port}/v1/nothing", timeout=10)
            if line.startswith("gateway ") and "request" in line:
                break
        family = terminal.family()
        os.kill(up.pid, number)
        shown += list(up.stdout)
        assert up.wait(timeout=60) == 0, "".join(shown)
    assert all_gone(family)
    assert "✓ Stop postgres, redis" in "".join(shown)
    assert not terminal.home.run.exists()


def test_in_the_foreground_it_ends_when_another_terminal_says_down(terminal: Terminal) -> None:
    with terminal.spawn("up") as up:
        assert up.stdout is not None
        assert any("Crier is up" in line for line in up.stdout)
        assert terminal.run("down").returncode == 0
        assert "Stopped by `crier down`" in up.stdout.read()
        assert up.wait(timeout=60) == 0


def test_in_the_foreground_it_says_when_the_supervisor_was_killed(terminal: Terminal) -> None:
    with terminal.spawn("up") as up:
        assert up.stdout is not None
        assert any("Crier is up" in line for line in up.stdout)
        family = terminal.family()
        os.kill(Cluster(terminal.home).running().pid, signal.SIGKILL)
        assert "The supervisor has ended" in up.stdout.read()
        assert up.wait(timeout=60) == 1
    assert all_gone(family)


def test_interrupted_while_starting_it_leaves_nothing_running(terminal: Terminal) -> None:
    with terminal.spawn("up") as up:
        assert up.stdout is not None
        assert any("Redis on" in line for line in up.stdout)
        family = terminal.family()
        os.kill(up.pid, signal.SIGINT)
        up.stdout.read()
        assert up.wait(timeout=60) == 1
    assert all_gone(family)
    assert not terminal.home.run.exists()


@pytest.mark.parametrize("command", ["status", "restart", "health"])
def test_without_a_cluster_the_error_says_how_to_start_one(terminal: Terminal, command: str) -> None:
    refused = terminal.run(command)
    assert refused.returncode == 1
    assert refused.stderr == f"Error: No cluster is running in {terminal.home.root}. Start one with `crier up`.\n"


def test_status_for_programs_says_that_nothing_runs(terminal: Terminal) -> None:
    shown = terminal.run("status", "--json")
    assert shown.returncode == 1
    assert json.loads(shown.stdout)["running"] is False


def test_a_wrong_port_variable_is_named(terminal: Terminal) -> None:
    refused = terminal.run("up", "--detach", CRIER_GATEWAY_PORT="eighty")
    assert refused.returncode == 1
    assert "CRIER_GATEWAY_PORT must be a port between 1 and 65535, not 'eighty'" in refused.stderr


def test_a_setting_that_a_service_refuses_is_shown_and_nothing_is_left(terminal: Terminal) -> None:
    refused = terminal.run("up", "--detach", CRIER_BATCH_SIZE="many")
    assert refused.returncode == 1
    assert "CRIER_BATCH_SIZE must be a whole number, not 'many'" in refused.stderr
    assert terminal.run("status").returncode == 1


def test_an_uninstalled_part_is_named_with_what_installs_it() -> None:
    script = "import sys; sys.modules['supervisor'] = None; from crier.cli import main; main(['up'])"
    refused = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "pip install 'crier[local]'" in refused.stderr
