"""The Dockerfile and what it copies."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from crier.local.programs import services

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text()
LAST_STAGE = TEXT.rpartition("FROM ")[2]
FOLDERS = sorted(path.name for path in (ROOT / "services").iterdir() if path.is_dir() and path.name[0] not in "._")


@pytest.mark.parametrize("service", FOLDERS)
def test_everything_it_copies_is_there_and_reaches_the_build(service: str):
    let_through = re.findall(r"^!(\S+)/$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    sources = [source.replace("${SERVICE}", service) for source in re.findall(r"^COPY ([^-]\S*) ", TEXT, re.MULTILINE)]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source.startswith(tuple(f"{folder}/" for folder in let_through)), source


def test_it_runs_as_nobody_in_particular_on_a_pinned_python():
    assert re.search(r"^ARG PYTHON=3\.\d+-slim-\w+$", TEXT, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE) == ["python:${PYTHON}", "python:${PYTHON}"]
    assert re.findall(r"^USER (\w+)$", LAST_STAGE, re.MULTILINE) == ["crier"]
    assert re.search(r"useradd .*--uid [1-9]\d{3,} .* crier$", LAST_STAGE, re.MULTILINE)
    assert "PYTHONDONTWRITEBYTECODE=1" in LAST_STAGE
    assert re.search(r"^HEALTHCHECK .*/app/healthy\.py", LAST_STAGE, re.MULTILINE)


@pytest.mark.parametrize("service", FOLDERS)
def test_an_image_starts_its_service_as_a_split_cluster_does(service: str, tmp_path: Path):
    for name, said in (("python", ""), ("periodiq", "periodiq ")):
        stand_in = tmp_path / name
        stand_in.write_text(f'#!/bin/sh\nprintf "%s\\n" {said}"$@"\n')
        stand_in.chmod(0o755)
    program = next(program for program in services(split=True) if program.name == service)
    started = subprocess.run(
        ["/bin/sh", ROOT / "deploy/docker/start"],
        env={"PATH": str(tmp_path), "SERVICE": service}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert started.stdout.splitlines() == [Path(part).name if "/" in part else part for part in program.command[1:]]


def test_a_container_is_unhealthy_when_nobody_answers(until):
    from crier.local.ports import free_port

    command = [sys.executable, ROOT / "deploy/docker/healthy.py"]
    environ = {"SERVICE": "sms", "CRIER_METRICS_PORT": str(free_port())}
    asked = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert asked.returncode == 1
    assert "refused" in asked.stderr
