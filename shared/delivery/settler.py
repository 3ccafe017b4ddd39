"""The settler: writes what providers answered, many at a time, and forgets nothing while the database is away."""

import threading
import time
from collections.abc import Sequence

import structlog

from shared.delivery.bells import Ringer
from shared.errors import LedgerUnavailable
from shared.ledger.work import Settlement, Work

log = structlog.get_logger(__name__)

COALESCE_SECONDS = 0.05
MOST = 500
"""Answers written by one statement."""
BACKLOG = 4 * MOST
"""Answers that may wait to be written before nothing more is claimed that could make more of them."""
_PAUSE = 0.5


class Settler:
    """One thread of a worker process that settles for all its batches.

    Answers that arrive within 50 ms of each other are written by one statement. While the ledger is away they are kept
    and tried again: a late settle with the right fence still wins over `unknown`.

    Parameters:
        ringer: rings for those whose turn it is, now that the one before them has ended.
    """

    def __init__(self, work: Work, ringer: Ringer | None = None) -> None:
        self._work = work
        self._ringer = ringer
        self._answers: list[Settlement] = []
        self._unwritten = 0
        self._expected = 0
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, settlement: Settlement) -> None:
        """Have `settlement` written, soon. Safe from any thread."""
        with self._change:
            self._unwritten += 1
            self._answers.append(settlement)
            # Not woken for each of many: it would contend with those who make them.
            if len(self._answers) in (1, MOST):
                self._change.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="settler", daemon=True)
                self._thread.start()

    def expect(self, count: int) -> None:
        """So many calls have begun of which the answers are still to come; below zero: have ended."""
        with self._change:
            self._expected += count
            self._change.notify_all()

    def has_room(self, seconds: float) -> bool:
        """Wait until fewer than `BACKLOG` answers are unwritten; False if that took longer than `seconds`."""
        with self._change:
            return self._change.wait_for(lambda: self._unwritten < BACKLOG, seconds)

    def drain(self, seconds: float) -> bool:
        """Wait until every answer has come and is written; False if that took longer than `seconds`."""
        with self._change:
            return self._change.wait_for(lambda: self._unwritten == 0 and self._expected == 0, seconds)

    def finish(self, seconds: float) -> None:
        """`drain` at the end of a process, saying so when answers are left."""
        if not self.drain(seconds):
            log.error("stopped before every answer was written; those deliveries become unknown")

    def _run(self) -> None:
        while True:
            batch = self._gather()
            self._write(batch)
            with self._change:
                self._unwritten -= len(batch)
                self._change.notify_all()

    def _gather(self) -> list[Settlement]:
        with self._change:
            self._change.wait_for(lambda: bool(self._answers))
            self._change.wait_for(lambda: len(self._answers) >= MOST, COALESCE_SECONDS)
            batch, self._answers = self._answers[:MOST], self._answers[MOST:]
        return batch

    def _write(self, batch: Sequence[Settlement]) -> None:
        while True:
            try:
                queues = self._work.settle(batch)
                break
            except LedgerUnavailable as error:
                log.warning("answers are kept until the ledger is back", answers=len(batch), reason=str(error))
                time.sleep(_PAUSE)
            except Exception:
                if len(batch) == 1:
                    log.exception(
                        "an answer could not be written; its delivery becomes unknown", delivery=str(batch[0].id)
                    )
                    return
                log.exception("answers could not be written together; each is tried by itself", answers=len(batch))
                for settlement in batch:
                    self._write([settlement])
                return
        if self._ringer:
            for freed in queues:
                self._ringer.ring(freed)
