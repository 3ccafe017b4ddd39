"""A row of the calendar."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from dramatiq import Message

from shared.messages.tick import tick_body
from shared.periodic.cron import cron_problem

_GRACE = 60.0


class Missed(Enum):
    """What becomes of a tick nobody began in time, because the scheduler, the broker or the workers were away."""

    SKIP = "skip"
    """It is left out; the next one will do."""
    ONCE = "once"
    """It is made up for, late: once, however many were missed."""


@dataclass(frozen=True, slots=True)
class Job:
    """Periodic work: when it is due, and which actor does it.

    Parameters:
        name: what its ticks are recorded under; never changes.
        cron: minute, hour, day of the month, month and weekday, in UTC; see `shared.periodic.cron`.
        actor, queue: who does it. No code of that service is needed to send it a tick.
        missed: what becomes of a tick nobody began in time.
        time_limit: seconds it may take.
        description: what it takes care of, for people.

    Raises:
        ValueError: the cron expression is none on which everybody agrees; says what to write.
    """

    name: str
    cron: str
    actor: str
    queue: str
    missed: Missed
    time_limit: float
    description: str

    def __post_init__(self) -> None:
        if problem := cron_problem(self.cron):
            raise ValueError(f"The calendar's job {self.name!r} cannot run at {self.cron!r}: {problem}")

    @property
    def lease(self) -> float:
        """Seconds after which a tick that was begun and not finished belongs to a dead worker."""
        return self.time_limit + _GRACE

    def message(self, tick: datetime) -> Message[Any]:
        """The broker message that has the job done for `tick`."""
        return Message(
            queue_name=self.queue,
            actor_name=self.actor,
            args=(),
            kwargs={"tick": tick_body(self.name, tick)},
            options={},
        )
