"""Deliver what waits: take the message, render, mark the row, call the provider, mark it again.

With a provider in the worker's process that answers at once, and with one behind HTTP that answers after 100 ms. All of
it waits before the workers start; the clock runs from the moment a tenth has been called until the last row says sent,
so that it measures neither starting nor connecting. Every phone number must have been called once.
"""

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec

from bench import texts
from bench.cost import CPU_ALL, MEMORY, Meter, cpu
from bench.ours.system import Crier, crier
from bench.peer.system import Peer
from bench.run import Run
from bench.scenario import OURS, Figure, Figures, Scale, Scenario
from bench.tally import called, calls
from crier.local.ports import free_port

THINKS = 0.1
"""Seconds the slow provider takes to answer."""


def _drain(side: Crier | Peer, workers: Sequence[str], numbers: range) -> Figures:
    run, warm = side.run, len(numbers) // 10
    run.wait_for_calls(warm)
    meter, done = Meter(run, *workers), called(run.tally)
    run.wait_for_calls(len(numbers))
    side.wait_until_settled()
    cost = meter.figures(max(1, len(numbers) - done))
    finished = side.check_sent([texts.phone(number) for number in numbers])
    began = sorted(moment for _, moment in calls(run.tally))[warm]
    return {"rate": (len(numbers) - warm) / (finished - began), **cost}


def ours(run: Run, scale: Scale, *, slow: bool) -> Figures:
    """One process of the channel's service."""
    numbers = range(scale.pick(20_000, 6_000, 40) if slow else scale.pick(60_000, 10_000, 40))
    with crier(run) as side:
        side.accept(numbers, lane="bulk")
        side.start_relay()
        return _drain(side, side.start_workers(_provider(run) if slow else ""), numbers)


def peer(run: Run, scale: Scale, *, slow: bool, pool: str, concurrency: int, processes: int = 1) -> Figures:
    """Celery workers of one kind."""
    numbers = range(scale.pick(4_000, 800, 40))
    side = Peer(run)
    side.accept(numbers)
    return _drain(side, side.start_workers(pool, concurrency, _provider(run) if slow else "", processes), numbers)


def _provider(run: Run) -> str:
    port = free_port()
    run.start("provider", "bench.provider", str(port), str(run.tally), str(THINKS), environment={})
    run.wait_for_http(port)
    return f"http://127.0.0.1:{port}/messages"


def _figures(ratio: float, cpu_ratio: float | None) -> tuple[Figure, ...]:
    return (
        Figure("rate", "messages/s", ratio=ratio),
        cpu(cpu_ratio),
        CPU_ALL,
        MEMORY,
    )


DRAIN_INSTANT = Scenario(
    name="drain-instant",
    what="drain, the provider answers at once",
    sides={
        OURS: partial(ours, slow=False),
        "Celery prefork -c 8": partial(peer, slow=False, pool="prefork", concurrency=8),
        "Celery threads -c 8": partial(peer, slow=False, pool="threads", concurrency=8),
    },
    figures=_figures(20, None),
)
_GEVENT = {"Celery gevent -c 200": partial(peer, slow=True, pool="gevent", concurrency=200)}
DRAIN_SLOW = Scenario(
    name="drain-100-ms",
    what="drain, the provider answers over HTTP after 100 ms",
    sides={
        OURS: partial(ours, slow=True),
        "Celery threads -c 64": partial(peer, slow=True, pool="threads", concurrency=64),
        "Celery 2 × threads -c 64": partial(peer, slow=True, pool="threads", concurrency=64, processes=2),
        **(_GEVENT if find_spec("gevent") else {}),
    },
    figures=_figures(8, 6),
)
