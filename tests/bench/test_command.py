"""The command says what it can do, and which extra it needs."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)


def test_it_says_what_it_can_do():
    done = run("-m", "bench", "--help")
    assert done.returncode == 0, done.stderr
    assert "drain-100-ms" in done.stdout
    assert "python -m bench --write docs/benchmarks" in done.stdout


def test_it_names_the_extra_that_is_missing():
    done = run("-S", "-m", "bench")  # -S: without anything that was installed
    assert done.returncode == 1
    assert "celery" in done.stderr
    assert done.stderr.strip().endswith("pip install '.[bench]'")
