"""Who may import whom, and that every module can be imported first."""

import json
import os
import subprocess
import sys
from pathlib import Path

from shared.crypto import new_key

ROOT = Path(__file__).parents[2]


def test_the_import_contracts_are_kept():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_every_module_can_be_the_first_that_is_imported(tmp_path):
    environ = {
        "PATH": os.environ["PATH"],
        "CRIER_DATABASE_URL": "postgresql://127.0.0.1:1/x",
        "CRIER_BROKER_URL": "redis://127.0.0.1:1",
        "CRIER_SECRET_KEY": new_key(),
    }
    done = subprocess.run(
        [sys.executable, Path(__file__).parent / "each_alone.py", ROOT, tmp_path / "report"],
        env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    imported = json.loads(done.stdout)
    assert len(imported) > 150
    assert {name: problem for name, problem in imported.items() if problem} == {}
