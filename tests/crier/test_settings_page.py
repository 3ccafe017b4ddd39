"""docs/settings.md says what the settings classes say, and no setting is taken for a misspelling of another."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/settings.md"


def run(code: str) -> str:
    """Run in a process of its own: importing every service makes a broker and sets the environment."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_is_current():
    made = run("import runpy; runpy.run_module('crier.settings_page', run_name='__main__')")
    assert made == PAGE.read_text(), "run `make settings-doc`"


def test_every_variable_the_code_reads_is_on_the_page():
    named = set()
    for package in ("shared", "services", "crier"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and re.fullmatch(r"CRIER_[A-Z_]+[A-Z]", str(node.value)):
                    named.add(node.value)
    assert named
    assert named <= set(re.findall(r"`(\w+)`", PAGE.read_text()))


@pytest.mark.parametrize("secret", ["CRIER_DATABASE_URL", "CRIER_SECRET_KEY", "TWILIO_AUTH_TOKEN", "SMTP_PASSWORD"])
def test_a_secret_is_called_one_and_shows_no_default(secret: str):
    row = next(line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{secret}`"))
    _, _, kind, default, *_ = (cell.strip() for cell in row.split("|"))
    assert kind.endswith(", secret")
    assert default in ("unset", "**required**", "not shown")


def test_the_settings_of_one_service_are_no_misspellings_of_anothers():
    mistaken = run("""
import json
from crier.settings_page import declared_variables, forget_environment, settings_classes, OTHERS
from shared.errors import SettingsError
from shared.settings import load

forget_environment()
everything = {name for names in declared_variables().values() for name in names} | set(OTHERS)
mistaken = []
for classes in settings_classes().values():
    for cls in classes:
        own = {field.metadata["variable"] for field in cls.__dataclass_fields__.values()}
        try:
            load(cls, environ=dict.fromkeys(everything - own, "x"))
        except SettingsError as error:
            mistaken += [problem for problem in error.problems if "Did you mean" in problem]
print(json.dumps(mistaken))
""")
    assert json.loads(mistaken) == []
