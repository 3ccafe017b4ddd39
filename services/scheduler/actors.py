"""The calendar's jobs as stand-in actors: periodiq sends them, the service of their queue performs them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import periodiq
import structlog
from dramatiq import Actor, Broker, Message
from dramatiq.errors import BrokerError

from shared.calendar import CALENDAR
from shared.periodic.job import Job
from shared.runtime import Runtime

log = structlog.get_logger(__name__)


class StandIn(Actor[..., None]):
    """Carries a job's remote actor and queue, and sends it the tick in the arguments.

    periodiq's own middleware, which drops what is over 30 s late, is not needed for that: whether a late tick is
    worth doing is for the calendar to say.
    """

    def __init__(self, job: Job, broker: Broker) -> None:
        self.job = job
        super().__init__(
            _performed_elsewhere,
            broker=broker,
            actor_name=job.actor,
            queue_name=job.queue,
            priority=0,
            options={"periodic": periodiq.cron(job.cron)},
        )

    def send_with_options(
        self,
        *,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        delay: timedelta | int | None = None,
        **options: Any,
    ) -> Message[Any]:
        """What periodiq calls when the job is due.

        Parameters:
            options: `scheduled_at`, when periodiq woke for it. It also does so whenever it starts in the minute of a
                tick, so only the minute tells which tick this is.
        """
        woke = datetime.fromisoformat(options["scheduled_at"])
        message = self.job.message(woke.astimezone(UTC).replace(second=0, microsecond=0))
        try:
            self.broker.enqueue(message)
        except (BrokerError, OSError) as error:
            # Raised on, it would end periodiq; whether the tick is made up for is then the relay's to see.
            log.warning("tick not sent", tick=message.kwargs["tick"], reason=str(error))
        return message


def declare(runtime: Runtime) -> None:
    """Declare a stand-in for every job of the calendar."""
    declare_jobs(runtime.broker, CALENDAR)


def declare_jobs(broker: Broker, jobs: Iterable[Job]) -> None:
    """Declare a stand-in for each of `jobs`."""
    for job in jobs:
        StandIn(job, broker)


def _performed_elsewhere() -> NoReturn:
    raise RuntimeError("The scheduler only sends ticks: run the service of this job's queue to perform them.")
