"""One client in many threads and in forked processes; and its connections when it is closed."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from crier import Client
from tests.e2e.conftest import System

ROOT = Path(__file__).parents[2]

FORKED = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from crier import Client

def ask(who):
    for turn in range(10):
        said = {"who": f"{who}.{turn}"}
        sent = client.send(channel="sms", to={"phone": "+447700900500"}, content={"body": "x"}, metadata=said)
        found = client.get(sent["id"])
        assert found["metadata"] == said, (found["metadata"], said)

def threads(process):
    ask(process)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(ask, [f"{process}.{thread}" for thread in range(3)]))

client = Client(sys.argv[1], sys.argv[2], retries=0)
ask("before")  # what is forked has a connection
children = []
for number in range(2):
    child = os.fork()
    if not child:
        threads(f"child {number}")
        os._exit(0)
    children.append(child)
threads("parent")
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""


def test_forked_processes_and_their_threads_share_a_client(client: Client, served: System):
    """Were a connection shared, one would read what another was answered."""
    done = subprocess.run(
        [sys.executable, "-c", FORKED, client.access.url, served.key],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "[0, 0]"), done.stderr


def connections(client: Client) -> int:
    """How many connections of this process to the client's gateway are open."""
    port = int(client.access.url.rpartition(":")[2])
    ours = psutil.Process().net_connections("tcp4")
    return len([one for one in ours if one.raddr and one.raddr.port == port and one.status == "ESTABLISHED"])


def test_connections_are_kept_and_closed_with_the_client(client: Client):
    all_asked = threading.Barrier(4)

    def ask(_: int) -> None:
        client.templates()
        all_asked.wait(30)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))
        assert connections(client) == 4
        list(pool.map(ask, range(4)))
        assert connections(client) == 4, "each thread keeps its connection"
        with client:
            client.templates()
        assert connections(client) == 0
        client.templates()
        assert connections(client) == 1
    client.close()


def test_a_threads_connection_ends_with_it(client: Client):
    for _ in range(3):
        asking = threading.Thread(target=client.templates)
        asking.start()
        asking.join()
    assert connections(client) == 0
