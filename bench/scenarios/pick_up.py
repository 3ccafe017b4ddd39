"""P7. How soon an idle system begins: from the moment a message is accepted until its provider is called.

One request at a time, at moments that have nothing to do with anybody's polling. Both moments are of this machine's
clock: the row's `accepted_at` (the begin of the statement that inserted it) and the call.
"""

from functools import partial

from bench import texts
from bench.load import generate, percentile
from bench.ours.system import Crier, crier
from bench.peer.system import Peer
from bench.peer.ways import Way, celery
from bench.run import Run
from bench.scenario import OURS, Figure, Figures, Scale, Scenario
from bench.tally import waited

PAUSES = (0.02, 0.12)


def _pick_up(side: Crier | Peer, scale: Scale, key: str = "") -> Figures:
    # Each of a prefork pool's processes connects at its first task.
    run, warm_up = side.run, scale.pick(20, 20, 5)
    numbers = range(warm_up + scale.pick(100, 40, 20))
    bodies = [texts.one("sms", number) for number in numbers]
    generate(run.folder, side.url, bodies, key=key, warm_up=warm_up, pauses=PAUSES)
    side.wait_until_settled()
    side.check_sent([texts.phone(number) for number in numbers])
    waits = waited(side.accepted(), run.tally, [texts.phone(number) for number in numbers[warm_up:]])
    return {"p50": percentile(waits, 50), "p99": percentile(waits, 99)}


def ours(run: Run, scale: Scale) -> Figures:
    """Gateway, relay and workers."""
    with crier(run) as side:
        side.start_relay()
        side.start_gateway()
        side.start_workers()
        return _pick_up(side, scale, side.key)


def peer(run: Run, scale: Scale, *, way: Way) -> Figures:
    """Flask and a Celery worker."""
    side = Peer(run)
    side.start_web()
    side.start_workers(way)
    return _pick_up(side, scale)


PICK_UP = Scenario(
    name="pick-up",
    what="idle: accepted to provider called",
    sides={
        OURS: ours,
        **{way.name: partial(peer, way=way) for way in (celery("prefork", 8), celery("threads", 8))},
    },
    figures=(
        Figure("p50", "p50, ms", "P7", more_is_better=False, ours=15),
        Figure("p99", "p99, ms", more_is_better=False),
    ),
)
