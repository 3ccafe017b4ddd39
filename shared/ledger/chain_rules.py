"""When a chain goes on to its next step, and when it ends: the rules alone, without the ledger.

A step has failed when nothing of it can arrive any more; then the next begins at once. One that was sent, or waits to
be, has its patience, counted from when it began or from the time it was put off to; then the next begins as well, and
whatever succeeds first stops the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from shared.ledger.caps import OVER
from shared.ledger.states import LIVE, State


class Goal(IntEnum):
    """How far a message must have come for its chain to have succeeded. More than that is enough, too."""

    SENT = 1
    DELIVERED = 2
    OPENED = 3
    CLICKED = 4

    @classmethod
    def of(cls, word: str) -> "Goal":
        """By its word, as a request says it."""
        return cls[word.upper()]

    def __str__(self) -> str:
        return self.name.lower()


GOALS = tuple(str(goal) for goal in Goal)
_LEVELS = {State.SENT: Goal.SENT, State.DELIVERED: Goal.DELIVERED}
_LOST = (State.FAILED, State.UNDELIVERED, State.EXPIRED, State.SUPPRESSED, State.CANCELLED)


@dataclass(frozen=True, slots=True)
class Target:
    """A delivery of a chain: of which step, and how it is."""

    step: int
    state: State
    due_at: datetime | None = None
    reason: str | None = None

    @property
    def pends(self) -> bool:
        """Something is still going to be done about it by itself."""
        return self.state in LIVE or (self.state is State.UNKNOWN and self.due_at is not None)


@dataclass(frozen=True, slots=True)
class Step:
    """A step that has begun.

    Parameters:
        goal: how far it has to come; less than the chain's where it is the last, of a provider that reports nothing.
    """

    number: int
    channel: str
    goal: Goal
    patience: timedelta


@dataclass(frozen=True, slots=True)
class Watched:
    """A chain as it is.

    Parameters:
        steps: how many it has. current: the one that was begun last.
        reached: the channel of a message that came as far as the chain's goal, or further.
        deadline: when the patience with the current step is over, where that is known.
    """

    now: datetime
    steps: int
    current: Step
    targets: Sequence[Target]
    reached: str | None = None
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """It goes on at this time, or when something happens."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class GoOn:
    """The next step begins: the current one was not enough, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class End:
    """It has ended: succeeded by a channel, or exhausted, and why the last step was not enough."""

    by: str | None = None
    why: str | None = None


def decide(chain: Watched) -> Wait | GoOn | End:
    """What becomes of an active chain."""
    if by := _succeeded(chain):
        return End(by=by)
    step = chain.current
    mine = [target for target in chain.targets if target.step == step.number]
    is_last = step.number == chain.steps
    # What earlier steps may still bring about is waited for once there is nothing else to try.
    counted = chain.targets if is_last else mine
    pending = [target for target in counted if target.pends]
    hopeful = [target for target in counted if not target.pends and target.state not in _LOST]
    if not pending and not hopeful:
        why = _lost(step, mine)
        return End(why=why) if is_last else GoOn(why)
    if is_last:
        return _last(chain, pending)
    if chain.deadline is None or chain.now < chain.deadline:
        return Wait(chain.deadline or chain.now + step.patience)
    put_off = [
        target.due_at
        for target in pending
        if target.state is State.SCHEDULED and target.due_at and not (target.reason or "").startswith(OVER)
    ]
    if put_off and len(put_off) == len(pending) and not hopeful and max(put_off) > chain.now:
        return Wait(max(put_off) + step.patience)
    return GoOn(_late(step, mine))


def _succeeded(chain: Watched) -> str | None:
    if chain.reached:
        return chain.reached
    step = chain.current
    reached = any(
        _LEVELS.get(target.state, 0) >= step.goal for target in chain.targets if target.step == step.number
    )  # fmt: skip
    return step.channel if reached else None


def _last(chain: Watched, pending: Sequence[Target]) -> Wait | End:
    if pending:
        return Wait(None)
    deadline = chain.deadline or chain.now + chain.current.patience
    if chain.now < deadline:
        return Wait(deadline)
    mine = [target for target in chain.targets if target.step == chain.current.number]
    return End(why=_late(chain.current, mine))


def _lost(step: Step, targets: Sequence[Target]) -> str:
    """Why nothing of a step can arrive: the words of its first delivery."""
    if not targets:
        return f"{step.channel}: there is nothing of it any more."
    first = targets[0]
    return f"{step.channel} {first.state}: {first.reason}" if first.reason else f"{step.channel} {first.state}."


def _late(step: Step, targets: Sequence[Target]) -> str:
    seconds = int(step.patience.total_seconds())
    if any(target.state in _LEVELS for target in targets):
        return f"{step.channel} was sent, and not {step.goal} within {spoken(seconds)}."
    if any(target.state is State.UNKNOWN for target in targets):
        return f"{step.channel}: nobody knows within {spoken(seconds)} whether it was sent."
    return f"{step.channel} was not sent within {spoken(seconds)}."


def spoken(seconds: int) -> str:
    """`10m`, `90s`."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
