"""Log lines written by a thread of their own, several at a time.

A thread that writes a line itself gives up its turn to run for it, and every other that logs waits in line behind it:
a server that answers thousands of requests a second spends more on its log than on some of the answers.
"""

import os
from collections import deque
from contextlib import suppress
from threading import Event, Lock, Thread

_EVERY = 0.05
"""Seconds a line waits at most: what may be lost when the process is killed."""

_ATOMIC = 4096
"""Bytes a pipe takes in one piece on every system of ours (POSIX asks for 512): lines of two processes do not mix."""

_MOST = 50_000
"""Lines kept while nobody reads the log: then the oldest are lost, instead of requests waiting."""


class Lines:
    """Writes lines to a file. What cannot be written is lost.

    Parameters:
        descriptor: of the file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._lines: deque[bytes] = deque(maxlen=_MOST)
        self._some = Event()
        self._start = Lock()
        self._thread: Thread | None = None

    def add(self, line: bytes) -> None:
        """Write `line`, soon. Returns at once."""
        self._lines.append(line)
        if not self._some.is_set():
            with self._start:
                if self._thread is None:
                    self._thread = Thread(target=self._run, name="log lines", daemon=True)
                    self._thread.start()
            self._some.set()

    def flush(self) -> None:
        """Write what is there now."""
        piece = b""
        while self._lines:
            try:
                line = self._lines.popleft() + b"\n"
            except IndexError:  # another thread was quicker
                break
            if len(piece) + len(line) > _ATOMIC:
                self._write(piece)
                piece = b""
            piece += line
        self._write(piece)

    def _write(self, piece: bytes) -> None:
        with suppress(OSError):
            while piece:
                piece = piece[os.write(self._descriptor, piece) :]

    def _run(self) -> None:
        pause = Event()
        while True:
            self._some.wait()
            pause.wait(_EVERY)
            self._some.clear()
            self.flush()
