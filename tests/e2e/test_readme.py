"""The README's tour, typed as it stands; and its links."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from crier.local.ports import free_port

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^\$ (crier .+)$", README, re.MULTILINE)


@pytest.fixture
def environment(server_folder, tmp_path):
    return os.environ | {
        "CRIER_HOME": str(server_folder),
        "CRIER_GATEWAY_PORT": str(free_port()),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def run(command, environment, tmp_path):
    arguments = [part.replace("/tmp/preview", str(tmp_path / "preview")) for part in shlex.split(command)]
    return subprocess.run(
        arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=170, check=False
    )


@pytest.mark.timeout(400)
def test_the_tour_works_as_it_is_written(environment, tmp_path):
    assert COMMANDS[0] == "crier up --detach"
    assert COMMANDS[-1] == "crier down"
    said = {}
    try:
        for command in COMMANDS[:-1]:
            done = run(command, environment, tmp_path)
            said[command.split()[1]] = done.stdout + done.stderr
            # `bulk` tells by its exit code that a row was refused.
            assert done.returncode == (1 if command.startswith("crier bulk") else 0), f"{command}\n{said}"
    finally:
        ended = run(COMMANDS[-1], environment, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "sms.critical" in said["send"]
    assert "delivered: Kept in the outbox" in said["send"]
    assert re.search(r"4\s+rows accepted", said["bulk"])
    assert "An email address must have an @-sign" in said["bulk"]
    assert (tmp_path / "preview").is_dir()


def test_the_call_in_the_readme_is_accepted(redis_system):
    [body] = re.findall(r"-d '(\{.+\})'", README)
    redis_system.start("gateway")
    answer = redis_system.http(
        "POST", "/v1/notifications", data=body, headers={"Content-Type": "application/json", "Idempotency-Key": "o-1"}
    )
    assert answer.status_code == 202, answer.text


def test_links_and_targets_exist():
    for target in re.findall(r"\]\(([^)]+)\)", README) + re.findall(r'src="([^"]+)"', README):
        assert (ROOT / target).exists(), target
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"make (\w+)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"
