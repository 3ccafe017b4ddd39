"""P3. Messages that were accepted one call each, drained; the provider is in the workers' processes.

Ours is accepted through the gateway, by which nothing of it lies in a batch. A peer's task is one message in any case.
"""

from bench import texts
from bench.cost import CPU_ALL, MEMORY, cpu
from bench.draining import drain
from bench.load import generate
from bench.ours.system import crier
from bench.peer.ways import INSTANT
from bench.run import Run
from bench.scenario import OURS, Figure, Figures, Scale, Scenario
from bench.scenarios.drain import peers

CONNECTIONS = 64
NEAR_BEST = ("Celery prefork -c 8", "Celery 4 × solo -c 1", "Celery 2 × gevent -c 50")
"""The ways that come near Celery's best in `drain`, where all are tried."""


def ours(run: Run, scale: Scale) -> Figures:
    """POST each to the gateway; then let the channel's service loose."""
    numbers = range(scale.pick(12_000, 4_000, 40))
    with crier(run) as side:
        side.start_gateway()
        generate(run.folder, side.url, (texts.one("sms", n) for n in numbers), key=side.key, connections=CONNECTIONS)
        run.stop("gateway")
        side.start_relay()
        return drain(side, [side.start_workers()], numbers)


SINGLE = Scenario(
    name="drain-single",
    what="drain of single sends, the provider answers at once",
    sides={OURS: ours, **peers((way for way in INSTANT if way.name in NEAR_BEST), slow=False)},
    figures=(Figure("rate", "messages/s", "P3", ratio=10), cpu(), CPU_ALL, MEMORY),
)
