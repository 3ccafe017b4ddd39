"""Ringing: telling a lane's workers that someone is waiting, without ever waiting for the broker."""

import threading
import time
from typing import Protocol

import structlog
from dramatiq import Message
from dramatiq.errors import BrokerError

from shared.broker import Broker
from shared.messages.bell import bell
from shared.telemetry.metrics import RINGS

log = structlog.get_logger(__name__)
_PAUSE_AFTER_FAILURE = 1.0


class Ringer(Protocol):
    """Whatever can ring a lane."""

    def ring(self, queue: str) -> None:
        """Wake the workers of `queue`. Returns at once and never raises."""
        ...


def actor_name(queue: str) -> str:
    """The actor that answers a queue's bells, e.g. `sms.critical.deliver`; that of a service without lanes advances."""
    return f"{queue}.deliver" if "." in queue else f"{queue}.advance"


class Bells:
    """Rings lanes from a thread of its own.

    Rings that come while the broker is being talked to join into one per lane, and a lane that has `limit` bells
    waiting gets no more, so neither a burst of accepts nor a dead worker makes the broker's memory grow. A bell that
    could not be rung is dropped: the relay finds the rows.

    Parameters:
        limit: bells that may wait in a lane.
    """

    def __init__(self, broker: Broker, *, limit: int) -> None:
        self._broker = broker
        self._limit = limit
        self._wanted: set[str] = set()
        self._change = threading.Condition()
        self._busy = False
        self._thread: threading.Thread | None = None

    def ring(self, queue: str) -> None:
        """Wake the workers of `queue`, soon. Returns at once and never raises."""
        with self._change:
            self._wanted.add(queue)
            if self._thread is None or not self._thread.is_alive():
                # Started at the first ring and not before, so that it lives in the process that rings after a fork.
                self._thread = threading.Thread(target=self._run, name="bells", daemon=True)
                self._thread.start()
            self._change.notify_all()

    def flush(self, seconds: float) -> bool:
        """Wait until everything asked for was rung or given up; False if that took longer than `seconds`."""
        with self._change:
            return self._change.wait_for(lambda: not self._wanted and not self._busy, seconds)

    def _run(self) -> None:
        while True:
            with self._change:
                self._busy = False
                self._change.notify_all()
                self._change.wait_for(lambda: bool(self._wanted))
                queues, self._wanted, self._busy = self._wanted, set(), True
            for queue in sorted(queues):
                if not self._ring(queue):
                    time.sleep(_PAUSE_AFTER_FAILURE)
                    break

    def _ring(self, queue: str) -> bool:
        try:
            outcome = "rung" if self._broker.waiting(queue) < self._limit else "enough"
            if outcome == "rung":
                self._broker.enqueue(
                    Message(
                        queue_name=queue,
                        actor_name=actor_name(queue),
                        args=(),
                        kwargs={"bell": bell(queue)},
                        options={},
                    )
                )
        except (BrokerError, OSError) as error:
            log.warning("bell not rung; the relay will", queue=queue, reason=str(error))
            outcome = "failed"
        except Exception:
            log.exception("bell not rung; the relay will", queue=queue)
            outcome = "failed"
        RINGS.labels(queue, outcome).inc()
        return outcome != "failed"
