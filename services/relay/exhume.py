"""Fetching what brokers keep as dead: messages nobody knew, what was no message, and what died without the ledger."""

from collections.abc import Iterable
from functools import partial

import structlog

from shared.broker import Broker
from shared.broker.dead_messages import dead_task, dug_up
from shared.calendar import CALENDAR
from shared.ledger.dead_letters import Why
from shared.ledger.dead_tasks import DeadTask, Graves
from shared.messages.content import CHANNELS, LANES
from shared.periodic.job import Job

log = structlog.get_logger(__name__)

QUEUES = (*(f"{channel}.{lane}" for channel in CHANNELS for lane in LANES), *sorted({job.queue for job in CALENDAR}))


def exhume(broker: Broker, graves: Graves) -> None:
    """Make every dead message of the broker a dead letter of the ledger.

    A message leaves the broker only when its letter is committed; a relay that dies in between writes it again, under
    the same id.
    """
    for queue in QUEUES:
        broker.take_dead(queue, partial(_dig_up, graves, queue))


def bury_runs(graves: Graves, calendar: Iterable[Job] = CALENDAR) -> None:
    """Write the letters of runs of periodic jobs whose last worker died: it could not say so itself."""
    for job in calendar:
        for tick in graves.spent(job.name):
            task = dead_task(job.message(tick), Why.POISON, None)
            if graves.bury(task, lease=job.lease):
                _tell(task)


def _dig_up(graves: Graves, queue: str, data: bytes) -> None:
    task = dug_up(data, queue)
    if task is not None and graves.bury(task):
        _tell(task)


def _tell(task: DeadTask) -> None:
    log.error("a dead task was found: `crier dead list --tasks`", queue=task.queue, actor=task.name)
