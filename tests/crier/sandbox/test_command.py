"""`crier sandbox` and `python -m crier.sandbox`."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from click.testing import CliRunner

from crier.cli.sandbox import sandbox as command
from crier.local.ports import free_port
from crier.sandbox import Sandbox
from crier.sandbox.twilio import ACCOUNT_SID, AUTH_TOKEN
from tests.crier.sandbox.clients import wait_for

FREE_PORTS = ("--port", "0", "--smtp-port", "0", "--smtps-port", "0")


@contextmanager
def served(tmp_path: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], Path, Path]]:
    """The command in a process of its own, with what it writes in files; ended by SIGTERM."""
    out, err = tmp_path / "out", tmp_path / "err"
    arguments = [sys.executable, "-m", "crier.sandbox", "--folder", str(tmp_path / "f"), *FREE_PORTS, *options]
    with out.open("w") as stdout, err.open("w") as stderr:
        process = subprocess.Popen(
            arguments, stdout=stdout, stderr=stderr, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        try:
            yield process, out, err
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def test_env_prints_settings_a_shell_can_read(tmp_path: Path) -> None:
    with served(tmp_path, "--env", "--quiet") as (_, out, err):
        wait_for(lambda: "FCM_BASE_URL" in out.read_text())
        settings = dict(line.removeprefix("export ").split("=", 1) for line in out.read_text().splitlines())
        assert shlex.split(settings["SMTP_FROM"]) == ["Crier sandbox <sandbox@example.com>"]
        assert requests.get(f"{settings['FCM_BASE_URL']}/calls", timeout=10).json() == []
        shown = subprocess.run(["sh", "-c", f'. {out}; echo "$SMTP_FROM"'], capture_output=True, text=True, check=True)
        assert shown.stdout == "Crier sandbox <sandbox@example.com>\n"
        assert err.read_text() == ""


def test_what_arrives_is_shown_a_line_each_and_cannot_style_the_terminal(tmp_path: Path) -> None:
    with served(tmp_path) as (_, out, err):
        wait_for(lambda: "Crier sandbox on http://" in out.read_text())
        url = next(word for word in out.read_text().split() if word.startswith("http://"))
        form = {"To": "+447700900123", "From": "+15005550006", "Body": "[red]\x1b[31mHello\nAda"}
        messages = f"{url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
        requests.post(messages, auth=(ACCOUNT_SID, AUTH_TOKEN), data=form, timeout=10)
        wait_for(lambda: "twilio" in out.read_text())
        [line] = [line for line in out.read_text().splitlines() if "twilio" in line]
        assert "201" in line
        assert "[red] [31mHello Ada" in line
        assert "\x1b" not in line
        assert err.read_text() == ""


def test_whom_to_report_to_is_told_to_crier_too(tmp_path: Path) -> None:
    gateway = "http://127.0.0.1:8025"
    with served(tmp_path, "--env", "--quiet", "--receipts-to", gateway) as (_, out, _):
        wait_for(lambda: "FCM_BASE_URL" in out.read_text())
        settings = dict(line.removeprefix("export ").split("=", 1) for line in out.read_text().splitlines())
        assert settings["CRIER_PUBLIC_URL"] == gateway
        assert requests.get(f"{settings['FCM_BASE_URL']}/callbacks", timeout=10).json()["to"] == gateway


def test_somebody_off_this_machine_cannot_be_reported_to() -> None:
    result = CliRunner().invoke(command, ["--receipts-to", "https://crier.example.com"])
    assert result.exit_code == 2
    assert "must be an address on this machine" in result.output


def test_quiet_is_quiet(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with served(tmp_path, "--quiet", "--port", url.rpartition(":")[2]) as (_, out, err):
        wait_for(lambda: answers(url))
        assert requests.get(f"{url}/nothing", timeout=10).status_code == 404
        assert out.read_text() == err.read_text() == ""


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/calls", timeout=10).ok
    except requests.ConnectionError:
        return False


def test_a_taken_port_is_named_with_the_remedy(sandbox: Sandbox, tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["--folder", str(tmp_path), "--port", str(sandbox.ports.http)])
    assert result.exit_code == 1
    assert f"port {sandbox.ports.http} of 127.0.0.1 cannot be used" in result.output
    assert "--smtp-port" in result.output


def test_help_has_examples() -> None:
    result = CliRunner().invoke(command, ["--help"])
    assert result.exit_code == 0
    assert "crier sandbox --env > sandbox.env &" in result.output
    assert "/behaviour/twilio" in result.output
