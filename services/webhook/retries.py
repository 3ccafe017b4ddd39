"""When a webhook is tried again: over days, for a receiver may be away for a weekend."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from shared.delivery.outcomes import RetryPolicy


@dataclass(frozen=True, slots=True)
class Schedule(RetryPolicy):
    """Seconds before each retry, a tenth more or less, so that what failed together does not come back together."""

    delays: tuple[float, ...] = ()

    def delay(self, attempts: int) -> float:
        """Seconds before the try that follows `attempts` counted ones."""
        return self.delays[min(attempts, len(self.delays)) - 1] * random.uniform(0.9, 1.1)


def schedule(delays: Sequence[str], waiting_limit: float) -> Schedule:
    """The policy of a list of seconds.

    Parameters:
        waiting_limit: seconds since acceptance during which waiting as the endpoint asks costs no attempt.
    """
    seconds = tuple(map(float, delays))
    return Schedule(retries=len(seconds), waiting_limit=waiting_limit, delays=seconds)
