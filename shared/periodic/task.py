"""A periodic job as its service performs it: claim the tick, run, record the result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from dramatiq import Actor, Broker
from dramatiq.middleware import Shutdown
from marshmallow import ValidationError

from shared.ledger.ticks import Ticks
from shared.messages.tick import TickSchema
from shared.periodic.job import Job

log = structlog.get_logger(__name__)
_TICK = TickSchema()


@dataclass(frozen=True)
class PeriodicTask:
    """A job of the calendar with the work it stands for.

    Parameters:
        run: does the work; returns what to record, as JSON values. It may be run twice for a tick whose first run
            died or failed, and should leave off where that one stopped.
    """

    job: Job
    run: Callable[[], Mapping[str, Any]]
    ticks: Ticks

    def declare(self, broker: Broker) -> None:
        """Declare the actor that the calendar names."""
        Actor(
            self.perform,
            broker=broker,
            actor_name=self.job.actor,
            queue_name=self.job.queue,
            priority=0,
            options={
                "max_retries": 3,
                "min_backoff": 5_000,
                "max_backoff": 60_000,
                "time_limit": self.job.time_limit * 1000,
                "notify_shutdown": True,
                "store_results": True,
            },
        )

    def perform(self, tick: Any = None) -> Mapping[str, Any] | None:
        """Answer a message of the scheduler or the relay; the recorded result, or `None` when there was none to do."""
        try:
            body = _TICK.load(tick)
        except ValidationError as error:
            log.warning("a message that is not a tick was ignored", job=self.job.name, problems=str(error.messages))
            return None
        if body["job"] != self.job.name:
            log.warning("a tick of another job was ignored", job=self.job.name, other=body["job"])
            return None
        return self._once(body["tick"])

    def _once(self, tick: datetime) -> Mapping[str, Any] | None:
        name = self.job.name
        if not self.ticks.claim(name, tick, lease=self.job.lease):
            log.info("tick passed over: done, under way, superseded or out of tries", job=name, tick=tick.isoformat())
            return None
        try:
            result = self.run()
        except Shutdown:
            self.ticks.release(name, tick)
            raise
        except BaseException as error:
            self.ticks.fail(name, tick, _in_a_line(error))
            raise
        self.ticks.finish(name, tick, result)
        log.info("tick done", job=name, tick=tick.isoformat(), result=result)
        return result


def _in_a_line(error: BaseException) -> str:
    """Its kind and first line: what SQLAlchemy adds on further lines are statements and their parameters."""
    return ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
