"""Progress of a bulk send: bytes uploaded, then deliveries done."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

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
from crier.cli.timeline import ENDED
from crier.client import Client

PAUSE = 0.5  # seconds


@contextmanager
def uploading(file: Path, console: Console) -> Iterator[BinaryIO]:
    """The open file, whose reading moves a bar."""
    with (
        _bars(console, DownloadColumn(), TransferSpeedColumn()) as bars,
        bars.open(file, "rb", description=f"Uploading {file.name}") as opened,
    ):
        yield opened


def followed(client: Client, batch_id: str, console: Console, *, patience: float = math.inf) -> Batch:
    """How the batch ended, once nothing of it waits but for its time; a bar shows how many deliveries are done.

    Parameters:
        patience: seconds after which it is returned as it is.
    """
    deadline = time.monotonic() + patience
    with _bars(console, MofNCompleteColumn(), TimeElapsedColumn()) as bars:
        task = bars.add_task("Delivering", total=None)
        while True:
            batch = client.batch(batch_id)
            states = batch["states"]
            done = sum(count for state, count in states.items() if state in ENDED)
            bars.update(task, total=sum(states.values()), completed=done)
            if done + states.get("scheduled", 0) == sum(states.values()) or time.monotonic() > deadline:
                return batch
            time.sleep(PAUSE)


def _bars(console: Console, *more: ProgressColumn) -> Progress:
    # Where nobody looks, only the outcome is written.
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), *more,
        console=console, disable=not console.is_terminal,
    )  # fmt: skip
