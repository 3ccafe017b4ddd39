"""P12. What a whole local cluster takes of the machine while nothing happens: `crier up`, packed. Ours only.

Its own PostgreSQL and Redis, the supervisor, gateway, relay, scheduler and all workers. Memory is PSS: what processes
share is divided among them. The clock starts once it has been up for a while.
"""

import os
import time

from bench.cost import cpu_seconds, memory_of_each
from bench.run import Run
from bench.scenario import OURS, Figure, Figures, Scale, Scenario
from crier.local.cluster import Cluster
from crier.local.home import Home
from crier.local.ports import free_port


def ours(run: Run, scale: Scale) -> Figures:
    """Start it, leave it alone, and look."""
    cluster = Cluster(Home(run.folder / "home"))
    try:
        pid = cluster.up(port=free_port()).pid
        time.sleep(scale.pick(8, 5, 1))
        before, began = cpu_seconds([pid]), time.monotonic()
        time.sleep(scale.pick(20, 10, 1))
        spent, passed = cpu_seconds([pid]) - before, time.monotonic() - began
        memory = sum(memory_of_each(pid))
    finally:
        cluster.down()
    return {"memory": memory / 1e6, "cpu": 100 * spent / passed / (os.cpu_count() or 1)}


AT_REST = Scenario(
    name="at-rest",
    what="the local cluster at rest, packed",
    sides={OURS: ours},
    figures=(
        Figure("memory", "MB of memory", "P12", more_is_better=False, ours=500),
        Figure("cpu", "% of the machine's CPU", "P12", more_is_better=False, ours=2),
    ),
    rounds=1,
)
