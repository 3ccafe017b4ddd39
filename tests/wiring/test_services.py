"""A service is known wherever a service has to be known."""

import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from crier.local.programs import services

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.name for path in (ROOT / "services").iterdir() if path.is_dir() and path.name[0] not in "._")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

every_service = pytest.mark.parametrize("service", FOLDERS)


@every_service
def test_it_is_a_package_and_services_is_none(service: str):
    assert (ROOT / "services" / service / "__init__.py").is_file()
    assert not (ROOT / "services/__init__.py").exists(), "a namespace package, so that images stay disjoint"


@every_service
def test_it_has_an_extra_which_a_local_cluster_installs(service: str):
    assert service in PROJECT["optional-dependencies"]
    every = next(need for need in PROJECT["optional-dependencies"]["local"] if need.startswith("crier["))
    assert service in every.removeprefix("crier[").removesuffix("]").split(",")


@every_service
def test_it_is_locked(service: str):
    assert (ROOT / "requirements" / f"{service}.txt").is_file()


@every_service
def test_it_has_a_container(service: str):
    assert service in yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


@every_service
def test_it_is_a_program_of_a_local_cluster_alone_and_packed(service: str):
    assert service in {program.name for program in services(split=True)}
    packed = [part for program in services() for part in program.command]
    assert f"services.{service}" in packed


@every_service
def test_the_architecture_says_what_it_does(service: str):
    assert f"`services/{service}`" in (ROOT / "docs/architecture.md").read_text()


def test_make_explains_every_target():
    makefile = (ROOT / "Makefile").read_text()
    phony = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]
    printed = subprocess.run(["make", "-C", ROOT], capture_output=True, text=True, check=True).stdout
    explained = {line.split()[1] for line in printed.splitlines() if line.startswith("  make ")}
    assert explained == set(phony) - {"help"}
