"""Making up for the calendar's missed ticks: the scheduler, the broker or the workers may have been away."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog

from shared.broker import Broker
from shared.calendar import CALENDAR
from shared.ledger.ticks import Tick, Ticks
from shared.periodic.job import Job, Missed
from shared.periodic.times import latest_tick

log = structlog.get_logger(__name__)

GRACE = timedelta(minutes=2)
"""How long after it was due a tick that nobody began is missed."""


def catch_up(ticks: Ticks, broker: Broker, calendar: Iterable[Job] = CALENDAR) -> None:
    """Do with every missed tick what its job's policy says.

    Any number of relays may do so at once: a tick enqueued twice is still claimed once.
    """
    due_by = ticks.now() - GRACE
    for job in calendar:
        tick = latest_tick(job.cron, due_by)
        last = ticks.last(job.name)
        if last is None:
            # Without this a new job would run at once, and an installation without a scheduler never.
            ticks.skip(job.name, tick, "It was due before this job was first seen.")
        elif last.tick < tick and job.missed is Missed.SKIP:
            if ticks.skip(job.name, tick, "Nobody began it in time."):
                log.warning("missed tick left out", job=job.name, tick=tick.isoformat())
        elif last.tick < tick or _is_abandoned(last, tick, job, broker):
            # In this order: enqueued and not announced does no harm, announced and not enqueued costs a lease.
            broker.enqueue(job.message(tick))
            if ticks.announce(job.name, tick, lease=job.lease):
                log.warning("missed tick made up for", job=job.name, tick=tick.isoformat())


def _is_abandoned(last: Tick, tick: datetime, job: Job, broker: Broker) -> bool:
    if last.tick != tick or job.missed is not Missed.ONCE or not last.is_abandoned(job.lease):
        return False
    # While no worker runs, what was enqueued before still waits: more messages would only pile up.
    return not broker.waiting(job.queue)
