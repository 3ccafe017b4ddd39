"""How the rate of a drain depends on the size of batches (CRIER_BATCH_SIZE); for the plot. Ours only."""

from bench.draining import drain
from bench.ours.system import crier
from bench.run import Run
from bench.scenario import OURS, Figure, Figures, Scale, Scenario, at

SIZES = (1, 10, 50, 100, 200, 500)


def ours(run: Run, scale: Scale) -> Figures:
    """A drain for each size, one after the other, of as many as it takes to measure it."""
    figures: dict[str, float] = {}
    with crier(run) as side:
        for size in SIZES[:: scale.pick(1, 2, 5)]:
            numbers = range(scale.pick(min(50_000, 600 * size + 2_000), 2_000, 40))
            side.forget()
            side.accept(numbers, lane="bulk")
            side.start_relay()
            found = drain(side, [side.start_workers(CRIER_BATCH_SIZE=str(size))], numbers)
            run.stop()
            figures |= {at("rate", size): found["rate"], at("cpu", size): found["cpu_all"]}
    return figures


BATCH_SIZE = Scenario(
    name="batch-size",
    what="drain, the provider answers at once, by size of batch",
    sides={OURS: ours},
    figures=tuple(Figure(at("rate", size), f"messages/s, batches of {size}") for size in SIZES),
    rounds=1,
)
