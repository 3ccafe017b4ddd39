"""Prepares a process and becomes another program, keeping its pid.

Run as a file (`python -I launch.py [options] -- program …`), so that it costs no import of Crier and needs
nothing on the path. Three things must happen between fork and exec, and a supervisor offers none of them:

* `--user NAME`: give up root, which PostgreSQL refuses to run as;
* `--ends-with-parent`: be sent `--signal N` when the parent dies, however it dies (Linux);
* `--record FILE`: note pid, start time and the number of starts so far. What a killed supervisor left
  behind is found by it; what the program's own predecessor left behind is ended; and a program that dies
  at once is started once a second at most.
"""

import argparse
import ctypes
import json
import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

import psutil

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
BETWEEN_STARTS = 1.0  # seconds
GRACE = 2.0  # seconds


def main(arguments: list[str]) -> None:
    parent = os.getppid()
    parser = argparse.ArgumentParser(prog="launch")
    parser.add_argument("--user")
    parser.add_argument("--ends-with-parent", action="store_true")
    parser.add_argument("--signal", type=int, default=int(SIGTERM))
    parser.add_argument("--record", type=Path)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)

    if options.record:
        record(options.record, options.signal)
    if options.user:
        become(options.user)
    # After the change of user, which clears it.
    if options.ends_with_parent and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, options.signal, 0, 0, 0)
        # It may have died before the line above; then nobody will send the signal.
        if os.getppid() != parent:
            sys.exit(0)
    try:
        os.execvp(options.command[0], options.command)  # noqa: S606 - the arguments are those of a program table
    except OSError as error:
        sys.exit(f"{options.command[0]} cannot be run: {error.strerror}")


def become(user: str) -> None:
    import pwd

    entry = pwd.getpwnam(user)
    os.initgroups(user, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def record(path: Path, signal: int) -> None:
    starts = 0
    with suppress(OSError, ValueError):
        before = json.loads(path.read_text())
        starts = before["starts"]
        end_family(before)
        time.sleep(max(0.0, min(BETWEEN_STARTS, before["started"] + BETWEEN_STARTS - time.time())))
    entry = {
        "pid": os.getpid(),
        "created": psutil.Process().create_time(),
        "started": time.time(),
        "starts": starts + 1,
        "signal": signal,
        "home": os.environ.get("CRIER_HOME", ""),
    }
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(entry))
    draft.replace(path)


def end_family(entry: dict[str, Any], grace: float = GRACE) -> int:
    """End what is left of a recorded program: itself, and its process group; returns how many there were.

    They are sent the program's own stop signal, and SIGKILL after `grace` seconds.
    """
    found = [process for process in psutil.process_iter() if belongs(process, entry)]
    left = found
    for number, seconds in ((entry["signal"], grace), (SIGKILL, grace)):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        left = wait_gone(left, seconds)
    return len(found)


def belongs(process: psutil.Process, entry: dict[str, Any]) -> bool:
    """Whether a process is the recorded one or of its group, and not one that was given its number later."""
    if not is_alive(process):
        return False
    try:
        if process.pid == entry["pid"]:
            return bool(abs(process.create_time() - entry["created"]) < 1)
        if os.getpgid(process.pid) != entry["pid"] or process.create_time() < entry["created"] - 1:
            return False
        return bool(process.environ().get("CRIER_HOME") == entry["home"])
    except (psutil.Error, ProcessLookupError):
        return False


def wait_gone(processes: Iterable[psutil.Process], timeout: float) -> list[psutil.Process]:
    """Wait until they have ended, at most `timeout` seconds; returns those that have not."""
    deadline = time.monotonic() + timeout
    alive = [process for process in processes if is_alive(process)]
    while alive and time.monotonic() < deadline:
        time.sleep(0.01)
        alive = [process for process in alive if is_alive(process)]
    return alive


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie holds nothing any more, and only waits for its parent to look."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
