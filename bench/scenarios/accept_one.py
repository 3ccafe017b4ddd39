"""P4. Accept one message a call over HTTP, at 64 connections, and at fewer and more for the plot.

Ours authenticates, validates, commits notification and delivery, and rings. The peer inserts a row and enqueues a task.
Nobody delivers meanwhile. Every answered id must be in the table once, and for the peer in the queue once.
"""

from bench import texts
from bench.cost import CPU_ALL, MEMORY, Meter, cpu
from bench.load import Answers, generate
from bench.ours.system import crier
from bench.peer.enqueue import enqueued
from bench.peer.system import Peer
from bench.run import Run
from bench.scenario import OURS, Figure, Figures, Scale, Scenario, at
from bench.tally import check_once

CONNECTIONS = 64
PEER = "Flask + INSERT + delay()"
LOADS = (1, 4, 16, 64, 128)


def _load(run: Run, url: str, server: str, scale: Scale, key: str = "") -> tuple[list[str], Figures]:
    """The ids that were answered, and the figures."""
    warm_up, timed = scale.pick(500, 200, 8), scale.pick(8_000, 1_500, 40)
    bodies = [texts.one("sms", number) for number in range(warm_up + timed)]
    meter = Meter(run, server)
    answers = generate(run.folder, url, bodies, key=key, connections=CONNECTIONS, warm_up=warm_up)
    figures = {**_figures(answers, CONNECTIONS), **meter.figures(len(bodies))}
    answered = list(answers.bodies)
    for load in LOADS[:: scale.pick(1, 4, 2)]:
        if load != CONNECTIONS:
            first = 1_000_000 + load * 10_000
            some = [texts.one("sms", number) for number in range(first, first + max(2 * load, timed // 8))]
            answers = generate(run.folder, url, some, key=key, connections=load)
            figures |= _figures(answers, load)
            answered += answers.bodies
    return [body["id"] for body in answered], figures


def _figures(answers: Answers, load: int) -> dict[str, float]:
    p50, p99 = (answers.percentile(percent) * 1000 for percent in (50, 99))
    return {at("rate", load): answers.rate, at("p50", load): p50, at("p99", load): p99}


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
    check_once(answered, enqueued(run.broker_url), "tasks")
    return figures


ACCEPT_ONE = Scenario(
    name="accept-one",
    what="accept one a call, 64 connections",
    sides={OURS: ours, PEER: peer},
    figures=(
        Figure(at("rate", CONNECTIONS), "messages/s", "P4", ratio=2),
        Figure(at("p50", CONNECTIONS), "p50, ms", more_is_better=False),
        Figure(at("p99", CONNECTIONS), "p99, ms", more_is_better=False),
        cpu(),
        CPU_ALL,
        MEMORY,
    ),
    quick=(OURS, PEER),
)
