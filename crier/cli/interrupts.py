"""Interrupts: what ends a command in order, and is not lost on the way."""

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

from crier.local.cluster import Step


class Interrupts:
    """Ctrl-C, SIGTERM and SIGHUP (a closed terminal), each of which raises KeyboardInterrupt.

    Python passes over one that is raised while an object is finalised (`Exception ignored in …`), and the command would
    go on as if nobody had wanted it to end. So it is remembered.
    """

    def __init__(self) -> None:
        self._came = False

    def between(self, step: Step) -> Step:
        """The same steps, of which one that was interrupted does not end well."""

        @contextmanager
        def show(text: str) -> Iterator[None]:
            with step(text):
                yield
                if self._came:
                    raise KeyboardInterrupt

        def interruptible(text: str) -> AbstractContextManager[None]:
            return show(text)

        return interruptible

    def come(self, _: int, __: FrameType | None) -> None:
        """Handle a signal."""
        self._came = True
        raise KeyboardInterrupt


@contextmanager
def interrupted_by_every_signal() -> Iterator[Interrupts]:
    """Let every signal that asks to end be an interrupt, as long as this lasts."""
    interrupts = Interrupts()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupts.come) for number in numbers}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
