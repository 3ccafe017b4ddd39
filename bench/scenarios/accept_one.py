"""Accept one message a call over HTTP, at 64 connections.

Ours authenticates, validates, commits notification and delivery, and rings. The peer inserts a row and enqueues a task.
Nobody delivers meanwhile. Every answered id must be in the table once, and for the peer in the queue once.
"""

from bench import texts
from bench.cost import CPU_ALL, MEMORY, Meter, cpu
from bench.load import generate
from bench.ours.system import crier
from bench.peer.system import Peer
from bench.run import Run
from bench.scenario import OURS, Figure, Figures, Scale, Scenario
from bench.tally import check_once

CONNECTIONS = 64


def _load(run: Run, url: str, server: str, scale: Scale, key: str = "") -> tuple[list[str], Figures]:
    """The ids that were answered, and the figures."""
    warm_up = scale.pick(500, 200, 8)
    bodies = [texts.one("sms", number) for number in range(warm_up + scale.pick(8_000, 1_500, 40))]
    meter = Meter(run, server)
    answers = generate(run.folder, url, bodies, key=key, connections=CONNECTIONS, warm_up=warm_up)
    times = {"p50": answers.percentile(50) * 1000, "p99": answers.percentile(99) * 1000}
    return [body["id"] for body in answers.bodies], {"rate": answers.rate, **times, **meter.figures(len(bodies))}


def ours(run: Run, scale: Scale) -> Figures:
    """POST to the gateway."""
    with crier(run) as side:
        side.start_relay()
        side.start_gateway()
        answered, figures = _load(run, side.url, "gateway", scale, side.key)
        check_once(answered, side.ids(), "rows")
    return figures


def peer(run: Run, scale: Scale) -> Figures:
    """POST to bare Flask."""
    side = Peer(run)
    side.start_web()
    answered, figures = _load(run, side.url, "web", scale)
    check_once(answered, side.ids(), "rows")
    check_once(answered, side.enqueued(), "tasks")
    return figures


ACCEPT_ONE = Scenario(
    name="accept-one",
    what="accept one a call, 64 connections",
    sides={OURS: ours, "Flask + INSERT + delay()": peer},
    figures=(
        Figure("rate", "messages/s", ratio=2),
        Figure("p50", "p50, ms", more_is_better=False),
        Figure("p99", "p99, ms", more_is_better=False),
        cpu(),
        CPU_ALL,
        MEMORY,
    ),
)
