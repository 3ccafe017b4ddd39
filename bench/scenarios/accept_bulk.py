"""P5. Accept 10,000 recipients a call over HTTP, to mail addresses and to phone numbers.

Ours validates every row. The peer (5,000 a call) inserts with one executemany, and enqueues a task for each row.
Nobody delivers meanwhile. Every recipient must be in the table once, and every row of the peer in the queue once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bench import texts
from bench.cost import CPU_ALL, MEMORY, Meter, cpu
from bench.load import generate
from bench.ours.system import crier
from bench.peer.enqueue import enqueued
from bench.peer.system import Peer
from bench.run import Run
from bench.scenario import OURS, Figure, Figures, Scale, Scenario
from bench.tally import Inexact, check_once


@dataclass(frozen=True)
class Calls:
    """`timed` calls of `size` recipients each, after one to warm up."""

    channel: str
    size: int
    timed: int

    def make(self, run: Run, url: str, server: str, key: str = "") -> Figures:
        """Make them, one after the other, of `server`."""
        starts = range(0, self.size * (self.timed + 1), self.size)
        bodies = [texts.many(self.channel, range(start, start + self.size)) for start in starts]
        meter = Meter(run, server)
        answers = generate(run.folder, f"{url}/bulk", bodies, key=key, warm_up=1)
        if short := [body for body in answers.bodies if body["accepted"] != self.size]:
            raise Inexact(f"{self.size} recipients were answered with {short[0]}")
        return {"rate": answers.rate * self.size, **meter.figures(self.size * len(bodies))}

    def check(self, targets: Sequence[str]) -> None:
        """Raise `Inexact` unless each recipient is there once."""
        wanted = (texts.address(self.channel, number) for number in range(self.size * (self.timed + 1)))
        check_once(wanted, targets, "recipients in the table")


def ours(run: Run, scale: Scale, *, channel: str) -> Figures:
    """POST to the gateway."""
    asked = Calls(channel, size=scale.pick(10_000, 5_000, 20), timed=scale.pick(5, 2, 2))
    with crier(run) as side:
        side.start_relay()
        side.start_gateway()
        figures = asked.make(run, side.url, "gateway", side.key)
        asked.check(side.targets())
    return figures


def peer(run: Run, scale: Scale, *, channel: str) -> Figures:
    """POST to bare Flask."""
    asked = Calls(channel, size=scale.pick(5_000, 1_000, 20), timed=scale.pick(1, 2, 2))
    side = Peer(run)
    side.start_web()
    figures = asked.make(run, side.url, "web")
    asked.check(side.targets())
    check_once(side.ids(), enqueued(run.broker_url), "tasks")
    return figures


def _scenario(channel: str, what: str, target: float) -> Scenario:
    return Scenario(
        name=f"accept-bulk-{channel}",
        what=f"accept 10,000 {what} a call",
        sides={OURS: partial(ours, channel=channel), "Flask + executemany + delay()": partial(peer, channel=channel)},
        figures=(Figure("rate", "recipients/s", "P5", ours=target), cpu(), CPU_ALL, MEMORY),
    )


ACCEPT_EMAIL = _scenario("email", "mail addresses", 20_000)
ACCEPT_PHONE = _scenario("sms", "phone numbers", 10_000)
