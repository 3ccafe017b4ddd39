"""Row 16: bodies that are too large, too deep, or a gzip bomb.

Bars: 413 or 400 within 2 s each, and none of the kinds takes the gateway more than 20 MB of memory.
"""

import gzip
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import orjson
import requests

from chaos.client import numbers, request
from chaos.row import Row
from chaos.seen import Check, Seen, at_most, exactly
from chaos.system import System
from crier.local.processes import tree

MB = 1024 * 1024
_JSON = {"Content-Type": "application/json"}
_GZIP = {**_JSON, "Content-Encoding": "gzip"}


def run(system: System) -> Seen:
    """Send each kind several times at once, beside ordinary requests."""
    system.start("relay", "sms", "gateway")
    system.client.send_all(numbers(system.pick(300, 100)))
    bomb = _bomb(system.pick(1024, 256))
    bodies: Mapping[str, tuple[Callable[[], bytes], Mapping[str, str], int]] = {
        "18 MB": (lambda: b'{"a": "' + b"x" * 18 * MB + b'"}', _JSON, 413),
        "400 KB without attachments": (lambda: orjson.dumps({"a": "x" * 400_000}), _JSON, 413),
        "nested 50,000 deep": (lambda: b"[" * 50_000 + b"]" * 50_000, _JSON, 400),
        "objects nested 1,000 deep": (lambda: b'{"a":' * 1_000 + b"1" + b"}" * 1_000, _JSON, 400),
        "a gzip bomb": (lambda: bomb, _GZIP, 413),
        "half a gzip file": (lambda: gzip.compress(orjson.dumps(request("+447700800000")))[:-20], _GZIP, 400),
    }
    checks, slowest = list[Check](), 0.0
    took = dict[str, float]()
    with ThreadPoolExecutor(4) as pool:
        for what, (body, headers, status) in bodies.items():
            made = body()
            with _peak_of(system.processes.pid("gateway")) as memory:
                answers = list(pool.map(lambda _, made=made, headers=headers: _post(system, made, headers), range(8)))
                took[what] = memory() / MB
            slowest = max(slowest, *(seconds for _, seconds in answers))
            allowed = {status, 503} if what == "a gzip bomb" else {status}
            got = {answer for answer, _ in answers}
            checks.append(Check(what, ", ".join(map(str, sorted(got))), got <= allowed and status in got))
    system.client.send_all(numbers(50, start=5_000))
    system.wait_until_settled()
    return Seen(
        system.books(),
        [
            *checks,
            at_most("slowest answer", slowest, 2, " s"),
            at_most(f"memory the gateway took for {max(took, key=took.__getitem__)}", max(took.values()), 20, " MB"),
            exactly("times the gateway was started", system.processes.starts("gateway"), 1),
        ],
    )


def _post(system: System, body: bytes, headers: Mapping[str, str]) -> tuple[int, float]:
    began = time.monotonic()
    url = f"http://127.0.0.1:{system.gateway_port}/v1/notifications"
    authorised = {**headers, **system.client.headers}
    status = requests.post(url, data=body, headers=authorised, timeout=30).status_code
    return status, time.monotonic() - began


def _bomb(megabytes: int) -> bytes:
    """A request whose text is that long, packed."""
    head, _, tail = orjson.dumps(request(numbers(1)[0])).partition(b"Your table")
    packed = gzip.compress(b"x" * MB, 9)
    return gzip.compress(head, 9) + packed * megabytes + gzip.compress(tail, 9)


@contextmanager
def _peak_of(pid: int) -> Iterator[Callable[[], int]]:
    """The most memory that a process with its children takes beyond what it has now (bytes)."""
    before, peak, end = _memory(pid), 0, threading.Event()

    def look() -> None:
        nonlocal peak
        while not end.wait(0.01):
            peak = max(peak, _memory(pid))

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield lambda: peak - before
    finally:
        end.set()
        looking.join()


def _memory(pid: int) -> int:
    return sum(process.memory_info().rss for process in tree(pid))


ROWS = (
    Row(16, "oversize body, JSON depth, gzip bomb", "413/400 quickly; memory + ≤ 20 MB", run, (25, 15)),
)  # fmt: skip
