"""Worker processes without a critical lane make way for the others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_ASK = """
import os, sys
from pathlib import Path
from shared.priority import make_way

make_way(frozenset(sys.argv[2:]), int(sys.argv[1]))
group = Path("/proc/self/autogroup")
print(os.nice(0), group.read_text().split()[-1] if group.exists() else None)
"""
_RUN = (sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)")
AUTOGROUP = Path("/proc/self/autogroup")


def asked(niceness: int, *queues: str, among: tuple[str, ...] = ()) -> tuple[int, str]:
    """How nice a process in a new session is that was told to make way, compared to this one, and its session."""
    answer = subprocess.run(
        [*among, sys.executable, "-c", _ASK, str(niceness), *queues],
        capture_output=True, text=True, check=True, start_new_session=True,
    ).stdout.split()  # fmt: skip
    return int(answer[0]) - os.nice(0), answer[1]


@pytest.mark.parametrize("queues", [("sms.normal", "sms.bulk"), ("cleanup",)])
def test_who_serves_no_critical_lane_makes_way(queues):
    assert asked(7, *queues)[0] == 7


@pytest.mark.parametrize(
    ("niceness", "queues"), [(7, ("sms.bulk", "sms.critical")), (7, ("email.critical",)), (0, ("sms.bulk",))]
)
def test_who_serves_a_critical_lane_or_is_told_not_to_does_not(niceness, queues):
    assert asked(niceness, *queues)[0] == 0


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this system does not share processor time between sessions")
def test_a_session_of_its_own_makes_way_as_a_whole_and_one_that_is_shared_does_not():
    assert asked(7, "sms.bulk") == (7, "7")
    assert asked(7, "sms.bulk", among=(*_RUN, *_RUN)) == (7, "0")
