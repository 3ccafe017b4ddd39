"""Starting programs through `launch.py`."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")

# Linux sends the signal of "my parent died" when the *thread* that forked ends. One thread that lives as
# long as the process does the forking, so programs may be started from any thread.
_forker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")


def launched(
    program: Sequence[str],
    *,
    user: str | None = None,
    ends_with_parent: bool = False,
    stop_signal: signal.Signals = signal.SIGTERM,
    record: Path | None = None,
) -> list[str]:
    """The arguments that run `program` prepared as `launch.py` describes."""
    options = [
        *(["--user", user] if user else []),
        *(["--ends-with-parent"] if ends_with_parent else []),
        *(["--record", str(record)] if record else []),
        *(["--signal", str(int(stop_signal))] if ends_with_parent or record else []),
    ]
    return [sys.executable, "-I", str(LAUNCHER), *options, "--", *program] if options else list(program)


def spawn(command: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a command in a folder and a session of its own; what it prints is added to `log`."""

    def fork() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                list(command),
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in a terminal goes to its whole group; the order in which programs end is ours.
                start_new_session=True,
            )

    return _forker.submit(fork).result()
