"""docs/outcomes.md says what the providers' tables say, and leaves none out."""

import ast
import subprocess
import sys
from pathlib import Path

from crier.outcomes_page import TABLES

ROOT = Path(__file__).parents[2]


def test_the_page_is_current() -> None:
    code = "import runpy; runpy.run_module('crier.outcomes_page', run_name='__main__')"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert made == (ROOT / "docs/outcomes.md").read_text(), "run `make outcomes-doc`"


def test_every_table_is_on_it_and_names_its_source() -> None:
    found = {}
    for package in ("shared", "services"):
        for path in (ROOT / package).rglob("*.py"):
            names = {
                target.id
                for node in ast.parse(path.read_text()).body
                for target in (node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)])
                if isinstance(target, ast.Name)
            }
            if "OUTCOMES" in names:
                found[".".join(path.relative_to(ROOT).with_suffix("").parts)] = "SOURCE" in names
    assert found == dict.fromkeys(TABLES.values(), True)
