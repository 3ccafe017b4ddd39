"""Checks all the time that nothing is lost: accepted = final + waiting + held."""

from dataclasses import dataclass, field

import structlog

from shared.ledger.conservation import Account, Conservation
from shared.telemetry.metrics import AMISS, MISSING

log = structlog.get_logger(__name__)

MERGED_FOR = 3 * 24 * 60
"""Minutes back in which counts are merged. What is accepted into older minutes is too little to matter."""
_CATCH_UP = 60


@dataclass
class Bookkeeper:
    """Looks at the minutes that have just passed, at one older minute after the other, and again at what was amiss.

    What is amiss stays in the metrics until it is even again, or gone by retention. A restart looks at everything anew.
    """

    conservation: Conservation
    _newest: int = -1
    _walked: int = -1
    _uneven: dict[int, Account] = field(default_factory=dict)

    def check(self) -> None:
        """Look at a few minutes, and say what is amiss."""
        now = self.conservation.now()
        self._newest = max(self._newest, now - _CATCH_UP)
        recent = self.conservation.minutes(after=self._newest, before=now)
        older = self.conservation.minutes(after=self._walked, before=now, most=1)
        for minute in sorted({*recent, *older, *self._uneven}):
            self._look(minute)
        self._newest = now - 1
        self._walked = older[0] if older else -1
        self._export()

    def merge(self) -> None:
        """Keep the counts small."""
        now = self.conservation.now()
        self.conservation.merge(first=now - MERGED_FOR, end=now - 1)

    def _look(self, minute: int) -> None:
        account = self.conservation.check(minute, minute + 1)
        if account.is_even:
            self._uneven.pop(minute, None)
            return
        if minute not in self._uneven:
            for balance in account.balances:
                if balance.missing:
                    log.error(
                        "accepted is not final + waiting + held", project=balance.project, queue=balance.queue,
                        accepted=balance.accepted, final=balance.final, waiting=balance.waiting, held=balance.held,
                    )  # fmt: skip
            for amiss in account.amiss:
                log.error("a row contradicts itself", row=str(amiss.id), reason=amiss.reason)
        self._uneven[minute] = account

    def _export(self) -> None:
        MISSING.set(sum(abs(balance.missing) for account in self._uneven.values() for balance in account.balances))
        AMISS.set(sum(len(account.amiss) for account in self._uneven.values()))
