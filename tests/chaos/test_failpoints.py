"""Failpoints: each names a step that is there, and really kills."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from chaos.failpoints import Failpoint
from chaos.steps import STEPS
from shared.crypto import new_key

ROOT = Path(__file__).parents[2]


def test_a_process_dies_at_every_step_and_says_so_first(tmp_path):
    environ = {
        "PATH": os.environ["PATH"],
        "CRIER_DATABASE_URL": "postgresql://127.0.0.1:1/x",
        "CRIER_BROKER_URL": "redis://127.0.0.1:1",
        "CRIER_SECRET_KEY": new_key(),
    }
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("die_at_each_step.py"), tmp_path / "killed"],
        cwd=ROOT, env=environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == dict.fromkeys(STEPS, -signal.SIGKILL)
    said = [line.split(" ", 1)[1] for line in (tmp_path / "killed").read_text().splitlines()]
    assert said == [f"{step}:before" for step in STEPS]


def strikes(failpoint: Failpoint, *results: object) -> list[bool]:
    return [failpoint.strikes((), result) for result in results]


def test_it_strikes_at_the_call_it_was_told():
    assert strikes(Failpoint.parse("work.claim:after:3"), *"abcd") == [False, False, True, False]


def test_a_call_that_came_back_with_nothing_is_not_counted():
    assert strikes(Failpoint.parse("work.claim:after:2"), [], "a", [], "b") == [False, False, False, True]


def test_it_strikes_for_its_target_each_time():
    failpoint = Failpoint.parse("renderer.content:before:+447700900123")
    here, elsewhere = SimpleNamespace(target="+447700900123"), SimpleNamespace(to="+447700900124")
    assert [failpoint.strikes((one,)) for one in (elsewhere, here, here)] == [False, True, True]


def test_the_seed_decides_what_is_random():
    def struck(seed: str) -> list[bool]:
        return strikes(Failpoint.parse("work.start:before:20%", seed), *range(100))

    assert struck("1") == struck("1") != struck("2")
    assert 5 < sum(struck("1")) < 40


@pytest.mark.parametrize("written", ["work.claim", "work.claim:during", "work.claim:2"])
def test_what_is_no_failpoint_is_refused(written):
    with pytest.raises(ValueError, match=r"step:before or step:after"):
        Failpoint.parse(written)
