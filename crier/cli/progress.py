"""Progress of what takes long: bytes uploaded, deliveries done, dead letters replayed."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from crier.answers import Batch
from crier.client import Client
from crier.upload import Progress as Told


@contextmanager
def uploading(name: str, console: Console) -> Iterator[Told]:
    """A bar, as the client tells it how far an upload is."""
    with _bars(console, DownloadColumn(), TransferSpeedColumn()) as bars:
        yield _teller(bars, f"Uploading {name}")


def followed(client: Client, batch_id: str, console: Console, *, patience: float = math.inf) -> Batch:
    """How the batch ended, once nothing of it waits but for its time; a bar shows how many deliveries are done.

    Raises:
        WaitTimeout: after `patience` seconds.
    """
    with _bars(console, MofNCompleteColumn(), TimeElapsedColumn()) as bars:
        return client.wait_batch(batch_id, timeout=patience, progress=_teller(bars, "Delivering"))


@contextmanager
def working(description: str, count: int, console: Console) -> Iterator[Callable[[int], None]]:
    """A bar, as it is told how many of `count` are done."""
    with _bars(console, MofNCompleteColumn(), TimeElapsedColumn()) as bars:
        task = bars.add_task(description, total=count)
        yield lambda done: bars.update(task, completed=done)


@contextmanager
def telling(description: str, console: Console) -> Iterator[Told]:
    """A bar, as it is told how much is done, and of how much."""
    with _bars(console, MofNCompleteColumn(), TimeElapsedColumn()) as bars:
        yield _teller(bars, description)


def _teller(bars: Progress, description: str) -> Told:
    task = bars.add_task(description, total=None)
    return lambda done, total: bars.update(task, completed=done, total=total)


def _bars(console: Console, *more: ProgressColumn) -> Progress:
    # Where nobody looks, only the outcome is written.
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), *more,
        console=console, disable=not console.is_terminal,
    )  # fmt: skip
