"""Looking at what providers reported: the gateway stored it, here it takes effect."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from shared.delivery.bells import Ringer
from shared.ledger.receipts import Receipts
from shared.receipts.port import Source
from shared.telemetry.metrics import RECEIPTS, RECEIPTS_AGE, RECEIPTS_DUE

log = structlog.get_logger(__name__)

TURN = 5.0
"""Seconds after which a turn ends even when more is due, so that a relay can be stopped."""


@dataclass(frozen=True)
class ReceiptDesk:
    """Processes receipts.

    Parameters:
        sources: the configured providers, by name.
        clock: seconds that only grow.
    """

    receipts: Receipts
    sources: Mapping[str, Source]
    ringer: Ringer
    clock: Callable[[], float] = time.monotonic

    def process(self) -> int:
        """Look at every receipt that is due; at how many."""
        if not self.sources:
            return 0
        until, count = self.clock() + TURN, 0
        while self.clock() < until and (done := self.receipts.process(self.sources)):
            count += len(done)
            for one in done:
                RECEIPTS.labels(one.provider, one.kind, one.outcome).inc()
                for queue in one.queues:
                    self.ringer.ring(queue)
        return count

    def measure(self) -> None:
        """Export how many are due and for how long, and say whose nobody here can read."""
        waiting = self.receipts.waiting()
        for provider in {*self.sources, *waiting}:
            count, age = waiting.get(provider, (0, 0.0))
            RECEIPTS_DUE.labels(provider).set(count)
            RECEIPTS_AGE.labels(provider).set(age)
            if provider not in self.sources:
                log.warning("receipts wait for a relay that is configured for their provider", provider=provider)
