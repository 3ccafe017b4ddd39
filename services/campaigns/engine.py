"""The engine: gives campaigns their turns, whichever has been due the longest, until nothing is due."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog

from services.campaigns.dry_run import DryRuns
from services.campaigns.expansion import Expansion
from services.campaigns.prepared import Preparer
from shared.delivery.bells import Ringer
from shared.delivery.rendering import Renderer
from shared.errors import LedgerUnavailable
from shared.intake import Intake
from shared.ledger.audiences import Audiences
from shared.ledger.campaign_turns import Turn, Turns
from shared.ledger.campaigns import Campaigns
from shared.ledger.database import Database

log = structlog.get_logger(__name__)

TURN = 5.0
"""Seconds after which an answer to a bell ends even when more is due; it rings again then."""
CANCELLED_AT_ONCE = 1000
_LOOK, _LATER = 2.0, 30.0


@dataclass(frozen=True)
class Engine:
    """Does what is due.

    Parameters:
        clock: seconds that only grow.
    """

    turns: Turns
    audiences: Audiences
    expansion: Expansion
    dry_runs: DryRuns
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def of(
        cls, intake: Intake, database: Database, renderer: Renderer, ringer: Ringer | None, *, window: int
    ) -> "Engine":  # fmt: skip
        """The engine over a database."""
        audiences = Audiences(database)
        preparer = Preparer(intake, audiences)
        return cls(
            Turns(database), audiences, Expansion(intake, preparer, ringer, window),
            DryRuns(intake, preparer, renderer, Campaigns(database)),
        )  # fmt: skip

    def answer(self) -> bool:
        """Do what is due, for some seconds; whether more may be.

        Raises:
            LedgerUnavailable: what was under way is as if it had not been begun.
        """
        until = self.clock() + TURN
        while self.clock() < until:
            if not self.step():
                return False
        return True

    def step(self, now: datetime | None = None) -> bool:
        """Do one piece of what is due; whether anything was.

        Parameters:
            now: for tests; the database's clock when None.
        """
        at_hand = None
        try:
            with self.turns.take(now) as turn:
                if turn is not None:
                    at_hand = turn.campaign
                    self._do(turn)
        except LedgerUnavailable:
            # It was not the campaign that failed: this turn is not counted against it.
            if at_hand is not None:
                with suppress(LedgerUnavailable):
                    self.turns.survived(at_hand.id)
            raise
        except Exception as error:
            if at_hand is None:
                raise
            # A mistake of ours or a template that is gone: other campaigns must not wait for it.
            log.exception("a campaign failed", campaign=str(at_hand.id), state=at_hand.state)
            self.turns.postpone(at_hand.id, _LATER, f"{type(error).__name__}: the log of services.campaigns says more.")
        if at_hand is None:
            return self.audiences.sweep()
        self.expansion.ring(at_hand)
        return True

    def _do(self, turn: Turn) -> None:
        match turn.campaign.state:
            case "draft":
                self.dry_runs.go_on(turn)
            case "scheduled" | "running":
                if not self.expansion.go_on(turn):
                    self._end(turn, "done")
            case "cancelling":
                if turn.cancel_some(CANCELLED_AT_ONCE):
                    turn.wait(0)
                else:
                    self._end(turn, "cancelled")

    def _end(self, turn: Turn, state: str) -> None:
        """It is over once nothing of it waits, nor is being sent."""
        if turn.is_drained():
            turn.end(state)
            log.info("a campaign has ended", campaign=str(turn.campaign.id), state=state)
        else:
            turn.wait(0 if state == "done" and turn.spread() else _LOOK)
