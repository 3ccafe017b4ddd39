"""Running rows: each on an empty system; the brokers side by side, for most of a row is waiting."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from queue import Queue

from chaos.ground import Ground
from chaos.row import Row
from chaos.seen import NotInTime, Outcome
from crier.local.errors import LocalError
from shared.errors import CrierError

Begin = Callable[[str, int], None]


def run_row(ground: Ground, row: Row, *, seed: int, quick: bool) -> Outcome:
    """One row on one broker."""
    load, began = os.getloadavg()[0], time.monotonic()
    seen, failure = None, None
    try:
        with ground.system(row, seed=seed, quick=quick) as system:
            try:
                seen = row.run(system)
            except NotInTime as error:
                failure = str(error)
    except (CrierError, LocalError, OSError) as error:
        failure = f"{type(error).__name__}: {error}"
    return Outcome(row.number, row.fault, row.bar, ground.name, time.monotonic() - began, load, seen, failure)


def run_rows(
    rows: Sequence[Row], brokers: Sequence[str], *, seed: int, quick: bool, keep: bool, begin: Begin,
    versions: dict[str, str],
) -> Iterator[Outcome]:  # fmt: skip
    """Every row on each broker; outcomes as they come.

    Parameters:
        keep: leave every log behind.
        begin: is told of a row before it begins: the broker, and the row's place among `rows`.
        versions: is given those of the servers.

    Raises:
        Whatever ended a broker's turn: a server that does not start, a mistake in a row.
    """
    outcomes: Queue[Outcome | Exception | None] = Queue()

    def run(broker: str) -> None:
        try:
            with Ground(broker, keep=keep) as ground:
                versions.update(ground.versions())
                for place, row in enumerate(rows):
                    begin(broker, place)
                    outcomes.put(run_row(ground, row, seed=seed, quick=quick))
            outcomes.put(None)
        except Exception as error:  # noqa: BLE001  raised again by whoever reads the queue
            outcomes.put(error)

    for broker in brokers:
        threading.Thread(target=run, args=(broker,), name=broker, daemon=True).start()
    running = len(brokers)
    while running:
        match outcomes.get():
            case None:
                running -= 1
            case Exception() as error:
                raise error
            case Outcome() as outcome:
                yield outcome
