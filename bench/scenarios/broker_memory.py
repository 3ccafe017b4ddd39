"""P8. What the broker's memory grows by while a million messages wait.

Ours with gateway and relay running, which ring, and no worker that answers. Of the peers fewer wait: what each takes is
measured, and a million times that is told.
"""

from functools import partial

from redis import Redis

from bench import texts
from bench.load import generate
from bench.ours.system import crier
from bench.peer.system import Peer
from bench.peer.ways import System
from bench.run import Run
from bench.scenario import OURS, Figure, Figures, Scale, Scenario
from bench.waiting import begin_with_campaign

MILLION = 1_000_000


def ours(run: Run, scale: Scale) -> Figures:
    """A campaign waits; a few are accepted beside it, by which both gateway and relay ring."""
    before = _used(run)
    count = len(begin_with_campaign(run, scale))
    with crier(run) as side:
        side.start_relay()
        side.start_gateway()
        generate(run.folder, side.url, (texts.one("sms", count + n) for n in range(100)), key=side.key)
        with Redis.from_url(run.broker_url) as client:
            run.wait_until(lambda: bool(client.exists("dramatiq:sms.bulk")), "a bell of the campaign's lane")
        return {"memory": (_used(run) - before) / 1e6}


def peer(run: Run, scale: Scale, *, system: System) -> Figures:
    """Tasks wait."""
    count, before = scale.pick(10_000, 2_000, 100), _used(run)
    Peer(run).accept(range(count), system)
    return {"memory": (_used(run) - before) / count * MILLION / 1e6}


def _used(run: Run) -> int:
    with Redis.from_url(run.broker_url) as client:
        return int(client.info("memory")["used_memory"])


BROKER_MEMORY = Scenario(
    name="broker-memory",
    what="a million wait (the peers': measured on 10,000 and scaled)",
    sides={
        OURS: ours,
        "Celery": partial(peer, system="celery"),
        "RQ": partial(peer, system="rq"),
        "Dramatiq": partial(peer, system="dramatiq"),
    },
    figures=(Figure("memory", "MB of the broker", "P8", more_is_better=False, ours=10),),
    rounds=1,
)
