"""Taking chains on: the next step of those whose last one was not enough, the end of those that succeeded."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.delivery.bells import Ringer
from shared.ledger.chains import BATCH, Chains
from shared.telemetry.metrics import CHAIN_STEPS, CHAINS_ENDED

TURN = 5.0
"""Seconds after which a sweep ends even when there is more, so that a relay can be stopped."""


@dataclass(frozen=True)
class ChainDesk:
    """Looks at chains.

    Parameters:
        batch: chains in one transaction.
        clock: seconds that only grow.
    """

    chains: Chains
    ringer: Ringer
    batch: int = BATCH
    clock: Callable[[], float] = time.monotonic

    def sweep(self, now: datetime | None = None) -> int:
        """Look at every chain of which there is news, or whose time has come; how many steps began.

        Parameters:
            now: for tests; None is the database's clock.
        """
        until, begun, looked_at = self.clock() + TURN, 0, self.batch
        while looked_at >= self.batch and self.clock() < until:
            advanced, looked_at = self.chains.advance(size=self.batch, now=now)
            for one in advanced:
                if one.channel:
                    begun += 1
                    CHAIN_STEPS.labels(one.channel).inc()
                    self.ringer.ring(f"{one.channel}.{one.lane}")
                if one.ended:
                    CHAINS_ENDED.labels(one.ended).inc()
        return begun
