"""A provider that takes messages and suddenly reports on none of them: it is slow, and others go first for a while.

A breaker sees what is refused. This sees what is taken and does not arrive: a provider that queues for hours, or lost
its carrier. Only those are judged that usually report, and against themselves.
"""

from collections.abc import Mapping
from datetime import timedelta

import structlog

from shared.ledger.database import Database
from shared.ledger.health import Reported, reported
from shared.providers.permission import Permission, subject_of

log = structlog.get_logger(__name__)

RECENT = (timedelta(minutes=10), timedelta(minutes=4))
USUAL = (timedelta(hours=3), timedelta(minutes=30))
ENOUGH_RECENT, ENOUGH_USUAL = 10, 20
"""Messages without which nothing is said."""
LEAST_USUAL = 0.5
"""Share of messages that a provider usually reports on, or it is not judged."""
DROP = 4.0
"""It is slow when it reports on less than its usual share divided by this."""
SECONDS = 600.0
"""For so long others go first; then it is tried again, and judged again."""

Key = tuple[str, str]


def slow(recent: Mapping[Key, Reported], usual: Mapping[Key, Reported]) -> list[Key]:
    """Channels and providers that report on far fewer messages than they usually do."""
    return [key for key, now in recent.items() if key in usual and _is_slow(now, usual[key])]


def _is_slow(now: Reported, usual: Reported) -> bool:
    is_known = usual.sent >= ENOUGH_USUAL and usual.share >= LEAST_USUAL
    return is_known and now.sent >= ENOUGH_RECENT and now.share < usual.share / DROP


def judge(database: Database, permission: Permission) -> list[Key]:
    """Have those go last that are slow now; which they are.

    Raises:
        LedgerUnavailable: the ledger cannot be asked.
    """
    found = slow(*(reported(database, since=since, until=until) for since, until in (RECENT, USUAL)))
    for channel, provider in found:
        permission.mark_slow(subject_of(channel, provider), SECONDS)
        log.warning(
            "a provider takes messages and reports on none: others go first", channel=channel, provider=provider
        )
    return found
