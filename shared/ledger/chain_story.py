"""What happened to a chain, for people: its steps, and one timeline of all that was sent of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from shared.ledger.chain_rules import Goal, spoken
from shared.ledger.states import LIVE, State, fold

_CHAIN = text("""
    SELECT id, project_id, goal, step, state, next_at, expires_at, reached_by, created_at, ended_at
    FROM chains WHERE id = :id AND project_id = :project_id
""")
_STEPS = text("""
    SELECT number, channel, patience, notification_id, began_at, why, draft IS NOT NULL AS waits FROM chain_steps
    WHERE chain_id = :id ORDER BY number
""")
_ENDS = {
    "succeeded": "The chain has succeeded by {by}.",
    "exhausted": "No step was enough, and there is none left.",
    "expired": "It expired before the next step could begin.",
    "cancelled": "It was cancelled.",
}
_GOOD = (State.DELIVERED, State.SENT)


@dataclass(frozen=True, slots=True)
class StepStory:
    """A step of a chain.

    Parameters:
        notification_id: what it became; None while it has not begun.
        fallback_after: how long it is given, e.g. `10m`.
        why: it was not enough, or was passed over.
    """

    channel: str
    notification_id: UUID | None
    state: str
    began_at: datetime | None
    fallback_after: str
    why: str | None


@dataclass(frozen=True, slots=True)
class ChainStory:
    """Where a chain is.

    Parameters:
        state: active, succeeded, exhausted, cancelled or expired. by: the channel it has succeeded by.
        next_at: when the next step begins, unless something happens before.
    """

    state: str
    until: str
    by: str | None
    next_at: datetime | None
    ended_at: datetime | None
    steps: Sequence[StepStory]


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened to a chain by itself: a step that began, or its end."""

    at: datetime
    what: str
    detail: str


@dataclass(frozen=True)
class Chain:
    """A chain as the ledger has it."""

    row: Row[Any]
    steps: Sequence[Row[Any]]

    @property
    def begun(self) -> list[UUID]:
        """The notifications of the steps that have begun, in their order."""
        return [step.notification_id for step in self.steps if step.notification_id]

    def story(self, states: dict[UUID, State]) -> ChainStory:
        """Where it is.

        Parameters:
            states: of the notifications of its steps.
        """
        row = self.row
        # Of the last step there is nothing to begin at that time.
        following = row.next_at if any(step.waits for step in self.steps) else None
        steps = [
            StepStory(
                channel=step.channel,
                notification_id=step.notification_id,
                state=_state(row, step, states),
                began_at=step.began_at,
                fallback_after=spoken(int(step.patience)),
                why=step.why,
            )
            for step in self.steps
        ]
        return ChainStory(row.state, str(Goal(row.goal)), row.reached_by, following, row.ended_at, steps)

    def state(self, states: Sequence[State]) -> State:
        """Its state as if it were one notification.

        Parameters:
            states: of all its deliveries.
        """
        live = [state for state in states if state in LIVE]
        good = [state for state in states if state in _GOOD]
        if self.row.state == "active":
            # Where nothing is under way and nothing was sent, the next step is about to begin.
            return fold(live or good or [State.QUEUED])
        if self.row.state == "succeeded" and good:
            return fold(good)
        if self.row.state in ("cancelled", "expired") and not good and not live:
            return State(self.row.state)
        return fold(states or [State.FAILED])

    def told(self) -> list[Told]:
        """What happened to it by itself."""
        events: list[Told] = []
        why = None
        for step in self.steps:
            if step.began_at:
                of = f"{step.number} of {len(self.steps)}, {step.channel}"
                events.append(Told(step.began_at, "step", f"{of}: {why}" if why else f"{of}."))
            why = step.why
        if self.row.ended_at:
            said = _ENDS[self.row.state].format(by=self.row.reached_by)
            told = f"{said} {why}" if why and self.row.state in ("exhausted", "expired") else said
            events.append(Told(self.row.ended_at, "chain", told))
        return events


def find(connection: Connection, project_id: int, chain_id: UUID) -> Chain | None:
    """A chain of this project; None when there is none."""
    row = connection.execute(_CHAIN, {"id": chain_id, "project_id": project_id}).first()
    return Chain(row, connection.execute(_STEPS, {"id": chain_id}).all()) if row else None


def _state(row: Row[Any], step: Row[Any], states: dict[UUID, State]) -> str:
    if step.notification_id:
        return str(states.get(step.notification_id, "removed"))
    if step.waits:
        return "waiting"
    return "skipped" if step.number <= row.step else "not needed"
