"""How the peers' workers are run. Each way is tried, and the best is what ours is compared with."""

from dataclasses import dataclass
from typing import Literal

from bench.peer.celery_tasks import QUEUE

System = Literal["celery", "rq", "dramatiq"]
_QUIET = ("--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat")


@dataclass(frozen=True)
class Way:
    """`processes` times `python -m …`.

    Parameters:
        name: as the table has it.
        arguments: what follows `python -m`; `{broker}` and `{name}` (of the process) are filled in.
    """

    name: str
    system: System
    arguments: tuple[str, ...]
    processes: int = 1


def celery(pool: str, concurrency: int, *, processes: int = 1, queues: str = QUEUE, prefetch: int | None = None) -> Way:
    """Celery workers.

    Parameters:
        queues: separated by commas, the most urgent first.
        prefetch: tasks fetched ahead for each of `concurrency`; None leaves that to the application.
    """
    times = f"{processes} × " if processes > 1 else ""
    return Way(
        f"Celery {times}{pool} -c {concurrency}", "celery",
        ("celery", "--app", "bench.peer.celery_tasks", "worker", "--pool", pool, "--concurrency", str(concurrency),
         "-O", "fair", "--queues", queues, "--hostname", "{name}@%h", *_QUIET,
         *(("--prefetch-multiplier", str(prefetch)) if prefetch else ())),
        processes,
    )  # fmt: skip


def rq(workers: int) -> Way:
    """RQ's workers that do not fork for every job, which is several times as fast."""
    arguments = ("rq.cli", "worker-pool", "--num-workers", str(workers), "--worker-class", "rq.SimpleWorker")
    return Way(f"RQ {workers} × simple", "rq", (*arguments, "--quiet", "--url", "{broker}", "default"))


def dramatiq(processes: int, threads: int) -> Way:
    """Dramatiq's workers."""
    arguments = ("dramatiq", "bench.peer.dramatiq_tasks", "--processes", str(processes), "--threads", str(threads))
    return Way(f"Dramatiq {processes} × {threads} threads", "dramatiq", arguments)


# With a provider that answers at once, and with one that answers over HTTP after a while.
INSTANT = (
    celery("prefork", 8),
    celery("threads", 8),
    celery("solo", 1, processes=2),
    celery("solo", 1, processes=4),
    celery("gevent", 50, processes=2),
    rq(4),
    dramatiq(2, 8),
)
SLOW = (
    celery("prefork", 32),
    celery("threads", 64, processes=2),
    celery("gevent", 200),
    celery("gevent", 100, processes=2),
    rq(16),
    dramatiq(2, 128),
)
