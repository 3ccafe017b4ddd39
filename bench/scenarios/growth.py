"""P9 and P10. What a message costs as work grows: drains of 10,000, 100,000, a million, and one with a long history.

The cost is the CPU time of the workers and of PostgreSQL and Redis, a row, once the workers are warm. While the
million drains, the memory of every worker process is sampled. The last drain is in a ledger that has ten million
notifications that have ended; its database is made once per bench. Ours only. Every phone number must have been
called once, and be marked sent.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread

from bench.cost import memory_of_each
from bench.draining import drain
from bench.history import fill
from bench.ours.system import crier
from bench.run import Run
from bench.scenario import OURS, Figure, Figures, Scale, Scenario, at
from bench.waiting import begin_with_campaign, have_wait

HISTORY = "history"
POINTS = ("10k", "100k", "1M", "100k after 10M")


def begin_in_history(run: Run, scale: Scale) -> None:
    """Work in the ledger with a history."""
    run.begin_in(HISTORY, partial(fill, rows=scale.pick(10_000_000, 1_000_000, 2_000)))


def ours(run: Run, scale: Scale) -> Figures:
    """A drain for each point, one after the other."""
    # By then every process of the workers has started and made its connections, which would dwarf the cost of 10,000.
    warm_up = scale.pick(20_000, 20_000, 20)
    small, large = (
        range(count + warm_up) for count in (scale.pick(10_000, 10_000, 40), scale.pick(100_000, 50_000, 80))
    )
    # Ten thousand take a second, too short to be measured once.
    found = {"10k": [_drained(run, small, warm_up) for _ in range(scale.pick(3, 1, 1))]}
    found["100k"] = [_drained(run, large, warm_up)]
    found["1M"] = [_drained(run, begin_with_campaign(run, scale), warm_up, campaign=True)]
    begin_in_history(run, scale)
    found["100k after 10M"] = [_drained(run, large, warm_up)]
    figures: dict[str, float] = {
        at(key, point): sum(one[key] for one in measured) / len(measured)
        for point, measured in found.items()
        for key in ("cpu_all", "rate")
    }
    costs = [figures[at("cpu_all", point)] for point in POINTS]
    worst = max(cost / costs[0] for cost in costs[1:])
    million = found["1M"][0]
    return {"growth": worst, "most": million["most"], "gained": million["gained"], **figures}


def _drained(run: Run, numbers: range, warm_up: int, *, campaign: bool = False) -> dict[str, float]:
    with crier(run, campaign=campaign) as side:
        if not campaign:
            have_wait(run.database_url, len(numbers))
        side.start_relay()
        workers = side.start_workers()
        with _sampling(run.pid(workers)) as samples:
            figures = dict(drain(side, [workers], numbers, warm_up))
        run.stop()
    # The first tenth warms up: pools, compiled templates, what is imported late.
    later = samples[len(samples) // 10 :]
    return figures | {"most": max(later), "gained": max(later[-len(later) // 10 :]) - later[0]}


@contextmanager
def _sampling(pid: int) -> Iterator[list[float]]:
    """The megabytes of the largest of a program's processes, once a second."""
    samples, ended = list[float](), Event()

    def sample() -> None:
        while True:
            samples.append(max(memory_of_each(pid), default=0.0) / 1e6)
            if ended.wait(1.0):
                return

    thread = Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


GROWTH = Scenario(
    name="growth",
    what="drain, the provider answers at once, as work grows",
    sides={OURS: ours},
    figures=(
        Figure("most", "MB, the largest worker process", "P9", more_is_better=False, ours=120),
        Figure("gained", "MB gained from a tenth to the end", "P9", more_is_better=False, ours=10),
        Figure("growth", "times the cost at 10k, the worst", "P10", more_is_better=False, ours=1.15),
        *(Figure(at("cpu_all", p), f"CPU s per 1,000, with servers, {p}", more_is_better=False) for p in POINTS),
        *(Figure(at("rate", point), f"messages/s, {point}") for point in POINTS),
    ),
    rounds=1,
)
