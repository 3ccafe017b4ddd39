"""Making notifications of reminders that are due: each once, whichever relay does it, and whatever dies on the way.

First it is written down which id a reminder's notification will have, then that notification is made, and then it is
noted that it was. Whoever finds the second or the third step missing does it again, under the same id.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Any

import structlog

from shared.errors import InvalidInput, LedgerUnavailable
from shared.intake import Intake
from shared.ledger.reminders import Handover, Promised, Reminders
from shared.reminders.notification import follow_up_of, reminder_of
from shared.telemetry.metrics import REMINDER_LAG, REMINDERS

log = structlog.get_logger(__name__)

BATCH = 200
TURN = 5.0
"""Seconds after which a sweep ends even when more is due, so that a relay can be stopped."""

_THREADS = 4


@dataclass
class ReminderDesk:
    """Reminds.

    Parameters:
        batch: reminders at a time. Who cancels or moves one of their events waits until they are made.
        clock: seconds that only grow.
    """

    reminders: Reminders
    intake: Intake
    batch: int = BATCH
    clock: Callable[[], float] = time.monotonic
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_THREADS, "reminders"))

    def sweep(self, now: datetime | None = None) -> int:
        """Make notifications of the reminders that are due; how many were promised.

        Parameters:
            now: the database's clock when None.

        Raises:
            LedgerUnavailable: those that were promised are made up for by a later sweep.
        """
        until, promised, looked_at = self.clock() + TURN, 0, self.batch
        while looked_at == self.batch and self.clock() < until:
            ids, looked_at = self.reminders.promise(size=self.batch, now=now)
            promised += len(ids)
            REMINDERS.labels("missed").inc(looked_at - len(ids))
            if ids:
                with self.reminders.handing_over(ids, now=now) as handover:
                    self._hand_over(handover)
        self.reminders.end(now=now)
        return promised

    def _hand_over(self, handover: Handover) -> None:
        # Together: acceptance makes one statement of what several threads bring.
        gone = Event()
        accepting = {one.notification_id: self._threads.submit(self._accept, one, gone) for one in handover.promised}
        # All of them, whatever one raises: none may be at it any more when their events can be cancelled again.
        wait(accepting.values())
        for one in handover.promised:
            refusal = accepting[one.notification_id].result()
            if refusal is None:
                handover.done.append(one.notification_id)
                REMINDERS.labels("sent").inc()
                REMINDER_LAG.observe(max(0.0, (one.now - one.due_at).total_seconds()))
            elif refusal:
                handover.refused[one.notification_id] = refusal
                REMINDERS.labels("failed").inc()

    def _accept(self, one: Promised, gone: Event) -> str | None:
        """Make a notification; else why it will never be one, or nothing where that is to be tried again.

        Parameters:
            gone: the ledger is, and with it perhaps the lock that keeps events from being cancelled meanwhile.
        """
        if gone.is_set():
            return ""
        try:
            self.intake.accept_promised(one.project_id, self._request(one), one.notification_id, now=one.now)
        except InvalidInput as error:
            log.warning("a reminder cannot be sent", notification=str(one.notification_id), fields=sorted(error.fields))
            return str(error)
        except LedgerUnavailable:
            gone.set()
            raise
        except Exception:
            # A mistake of ours: what is due together with it must not suffer, and it has until its event to be mended.
            log.exception("a reminder failed", notification=str(one.notification_id))
            return ""
        return None

    def _request(self, one: Promised) -> dict[str, Any]:
        of = self.intake, one.project_id, one.request
        if one.follows:
            return follow_up_of(*of, starts_at=one.starts_at, timezone=one.timezone, due_at=one.due_at)
        return reminder_of(*of, starts_at=one.starts_at, timezone=one.timezone)
