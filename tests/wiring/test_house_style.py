"""What every file of the project keeps to."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("shared", "services", "crier", "tests", "bench", "chaos", "deploy")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
FORBIDDEN = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "base"}

# In two halves, or this file would name them too.
REGISTRIES = ("pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js.org", "index." + "docker.io")
INDEXES = re.compile(r"--(extra-)?index-url|--find-links|^\s*index-url\s*=", re.MULTILINE)
HOMES = re.compile(r"(?<![\w.])/(?:home|Users)/[a-z]\w+/")


def test_every_python_file_begins_with_what_it_is_for():
    assert [str(path.relative_to(ROOT)) for path in FILES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_no_room_is_named_for_nothing():
    named = [path.relative_to(ROOT) for path in FILES if FORBIDDEN & {*path.relative_to(ROOT).parts[:-1], path.stem}]
    assert named == []


def kept_files() -> list[Path]:
    """The text files that are, or are about to be, in the repository."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / line for line in listed.stdout.splitlines()]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8000]]


def test_no_file_names_a_registry_or_a_path_of_this_machine():
    of_this_machine = {str(ROOT), sys.prefix, str(Path.home())} - {"/", "/root", "/usr"}
    found = []
    for path in kept_files():
        text = path.read_text(errors="replace")
        here = [place for place in of_this_machine if f"{place}/" in text]
        if here or INDEXES.search(text) or HOMES.search(text) or any(host in text for host in REGISTRIES):
            found.append(str(path.relative_to(ROOT)))
    assert [name for name in found if name != "tests/wiring/test_house_style.py"] == []
