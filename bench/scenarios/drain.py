"""P1 and P2. Deliver what waits: take the message, render, mark the row, call the provider, mark it again.

With a provider in the workers' processes that answers at once, and with one behind HTTP that answers after 100 ms. All
of it waits before the workers start. Every phone number must have been called once, and be marked sent.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from bench.cost import CPU_ALL, MEMORY, cpu
from bench.draining import drain, start_provider
from bench.ours.system import crier
from bench.peer.system import Peer
from bench.peer.ways import INSTANT, SLOW, Way
from bench.run import Run
from bench.scenario import OURS, Figure, Figures, Scale, Scenario, Side

THINKS = 0.1
"""Seconds the slow provider takes to answer."""


def ours(run: Run, scale: Scale, *, slow: bool) -> Figures:
    """The channel's service."""
    numbers = range(scale.pick(30_000, 8_000, 40) if slow else scale.pick(100_000, 40_000, 40))
    with crier(run) as side:
        side.accept(numbers, lane="bulk")
        side.start_relay()
        return drain(side, [side.start_workers(start_provider(run, THINKS) if slow else "")], numbers)


def peer(run: Run, scale: Scale, *, slow: bool, way: Way) -> Figures:
    """Workers of one kind."""
    numbers = range(scale.pick(3_000, 1_000, 40))
    side = Peer(run)
    side.accept(numbers, way.system)
    return drain(side, side.start_workers(way, start_provider(run, THINKS) if slow else ""), numbers)


def peers(ways: Iterable[Way], *, slow: bool) -> dict[str, Side]:
    """A side for each way."""
    return {way.name: partial(peer, slow=slow, way=way) for way in ways}


def _figures(target: str, ratio: float, cpu_ratio: float | None = None) -> tuple[Figure, ...]:
    """Targets are about Celery; the others are told beside them."""
    return (
        Figure("rate", "messages/s", target, ratio=ratio, against="Celery"),
        cpu(target if cpu_ratio else "", ratio=cpu_ratio, against="Celery"),
        replace(CPU_ALL, against="Celery"),
        replace(MEMORY, against="Celery"),
        *(Figure("rate", f"messages/s, peer: {peer}", against=peer) for peer in ("RQ", "Dramatiq")),
    )


DRAIN_INSTANT = Scenario(
    name="drain-instant",
    what="drain, the provider answers at once",
    sides={OURS: partial(ours, slow=False), **peers(INSTANT, slow=False)},
    figures=_figures("P1", 20),
    quick=(OURS, "Celery prefork -c 8", "Celery 4 × solo -c 1"),
)
DRAIN_SLOW = Scenario(
    name="drain-100-ms",
    what="drain, the provider answers over HTTP after 100 ms",
    sides={OURS: partial(ours, slow=True), **peers(SLOW, slow=True)},
    figures=_figures("P2", 8, cpu_ratio=6),
    quick=(OURS, "Celery 2 × threads -c 64", "Celery 2 × gevent -c 100"),
)
