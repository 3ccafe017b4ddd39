"""How a command shows what it is doing."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console

from crier.local.cluster import Step


def steps_on(console: Console) -> Step:
    """A spinner while a step lasts, then one line with how it ended and how long it took."""

    @contextmanager
    def show(text: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            with console.status(text):
                yield
        except BaseException:
            console.print(f"[red]✗[/] {text}", highlight=False)
            raise
        console.print(f"[green]✓[/] {text} [dim]{time.monotonic() - begun:.1f} s[/]", highlight=False)

    def step(text: str) -> AbstractContextManager[None]:
        return show(text)

    return step
