"""Measuring a drain, and a provider behind HTTP: what several scenarios do alike."""

from collections.abc import Sequence

from bench import texts
from bench.cost import Meter
from bench.ours.system import Crier
from bench.peer.system import Peer
from bench.run import Run
from bench.scenario import Figures
from bench.tally import called, calls
from crier.local.ports import free_port


def drain(side: Crier | Peer, workers: Sequence[str], numbers: range, warm_up: int | None = None) -> Figures:
    """Rate and cost of delivering what waits, by workers that are just starting.

    The clock runs from the moment the first ones have been called until the last row says sent, so that it measures
    neither starting nor connecting.

    Parameters:
        workers: names of their processes.
        numbers: of the phones, each of which must have been called once.
        warm_up: how many are the first ones; a fifth when None.
    """
    run, warm = side.run, len(numbers) // 5 if warm_up is None else warm_up
    run.wait_for_calls(warm)
    meter, done = Meter(run, *workers), called(run.tally)
    run.wait_for_calls(len(numbers))
    side.wait_until_settled()
    cost = meter.figures(max(1, len(numbers) - done))
    finished = side.check_sent([texts.phone(number) for number in numbers])
    began = sorted(moment for _, moment in calls(run.tally))[warm]
    return {"rate": (len(numbers) - warm) / (finished - began), **cost}


def start_provider(run: Run, seconds: float, name: str = "provider") -> str:
    """Start one that answers after so many; its address."""
    port = free_port()
    run.start(name, "bench.provider", str(port), str(run.tally), str(seconds), environment={})
    run.wait_for_http(port)
    return f"http://127.0.0.1:{port}/messages"
