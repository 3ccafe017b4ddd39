"""docs/decisions/: every page is in the index, and every library has its reason."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
DECISIONS = ROOT / "docs/decisions"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_page_is_in_the_index():
    linked = set(re.findall(r"\(([\w-]+\.md)\)", (DECISIONS / "README.md").read_text()))
    assert linked == {path.name for path in DECISIONS.glob("*.md")} - {"README.md"}


def test_every_library_has_its_reason():
    lines = list(PROJECT["dependencies"])
    for extra, needs in PROJECT["optional-dependencies"].items():
        lines += [] if extra in ("dev", "bench") else needs
    asked_for = {Requirement(line).name.lower() for line in lines} - {"crier"}
    explained = set(re.findall(r"^\| ([\w-]+) \|", (DECISIONS / "libraries.md").read_text(), re.MULTILINE))
    assert explained - {"library"} == asked_for
