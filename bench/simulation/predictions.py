"""The measured points, simulated from costs alone: no rate and no latency that was measured is an input."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.simulation.costs import Costs
from bench.simulation.path import Simulation, Site, percentile

URGENT = {"connections": 6, "pauses": (0.05, 0.25)}
"""As in `bench.scenarios.critical`."""
IDLE = {"connections": 1, "pauses": (0.02, 0.12)}
"""As in `bench.scenarios.pick_up`."""
SLOW = 0.1


@dataclass(frozen=True)
class Prediction:
    """A point: what was measured, and what the simulation says."""

    what: str
    unit: str
    measured: float
    predicted: float

    @property
    def off(self) -> float:
        """By how much the prediction is off: 0.1 is ten percent too much."""
        return self.predicted / self.measured - 1


def predictions(costs: Costs) -> Iterator[Prediction]:
    """Every point that the bench has measured."""
    measured = costs.measured
    site = Site(measured.cores, measured.processes)

    def new(workers: int = measured.processes) -> Simulation:
        return Simulation(costs, Site(measured.cores, workers))

    rate = "messages/s"
    yield Prediction("drain, provider at once", rate, measured.instant, Simulation(costs, site).rate_of_drain())
    slow = new().rate_of_drain(latency=SLOW)
    yield Prediction("drain, provider after 100 ms", rate, measured.slow, slow)
    for size, found in measured.drain.items():
        yield Prediction(f"drain, batches of {size}", rate, found, new().rate_of_drain(batch=size))
    for load, found in measured.accept.items():
        predicted, p50 = new().accept(load)
        name = f"accept one, {load} connection{'s' if load > 1 else ''}"
        yield Prediction(name, "requests/s", found, predicted)
        if load in measured.accept_p50:
            yield Prediction(f"{name}, p50", "ms", measured.accept_p50[load] * 1e3, p50 * 1e3)
    if measured.pick_up:
        waits = new().urgent(seconds=20.0, **IDLE)  # type: ignore[arg-type]
        yield Prediction("idle: accepted to called, p50", "ms", measured.pick_up * 1e3, percentile(waits, 50) * 1e3)
    simulation = new()
    simulation.add_workers(batch=100)
    waits = simulation.urgent(seconds=10.0, **URGENT)  # type: ignore[arg-type]
    for percent, seconds in measured.critical.items():
        if percent in {50, 90, 99}:
            predicted = percentile(waits, percent) * 1e3
            yield Prediction(f"critical during a campaign, p{percent}", "ms", seconds * 1e3, predicted)
