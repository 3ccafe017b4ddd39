"""A server ends with the process that started it, however that ends."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from crier.local import processes

STARTS = """
import sys, threading
from pathlib import Path
from crier.local.postgres import PostgresServer  # changes its user when root, and RedisServer does not
from crier.local.redis import RedisServer
server = {"postgres": PostgresServer, "redis": RedisServer}[sys.argv[1]](Path(sys.argv[2]))
starter = threading.Thread(target=server.start)  # its end must not be taken for the end of the process
starter.start()
starter.join()
print(server.pid, flush=True)
sys.stdin.readline()
assert server.is_ready()
print("still there", flush=True)
sys.stdin.readline()
"""


def end_by(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal, and once more should Python have passed over it, as it does while an object is finalised."""
    for _ in range(2):
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
            return


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
@pytest.mark.parametrize("kind", ["redis", "postgres"])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, None])
def test_servers_end_with_their_process(server_folder: Path, kind: str, end: signal.Signals | None) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", STARTS, kind, str(server_folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert owner.stdin
    assert owner.stdout
    server = psutil.Process(int(owner.stdout.readline()))
    print(file=owner.stdin, flush=True)
    assert owner.stdout.readline() == "still there\n"

    if end is None:
        owner.stdin.close()
    else:
        end_by(owner, end)
    owner.wait(timeout=20)
    deadline = time.monotonic() + 10
    while processes.is_alive(server) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not processes.is_alive(server)
    owner.stdout.close()
