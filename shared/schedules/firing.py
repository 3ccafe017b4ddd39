"""What a relay does every second: make notifications of the schedules that are due, each time once.

Any number of relays may do so at once. A time is written down, with the id its notification will have, before the
notification is accepted under that id; a relay that dies in between is made up for by the next sweep of any other.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from shared.errors import CrierError, LedgerUnavailable
from shared.intake import Intake
from shared.ledger.schedule_fires import Fires
from shared.ledger.schedule_rows import Due, Kept, Promise, Schedule
from shared.schedules.misfires import plan
from shared.schedules.triggers import trigger_of
from shared.telemetry.metrics import SCHEDULE_LAG, SCHEDULES

log = structlog.get_logger(__name__)

CLAIMED = 50
"""Schedules taken in one transaction."""
TURN = 5.0
"""Seconds after which a sweep ends even when more is due, so that a relay can be stopped."""
_LONGEST_REASON = 500


@dataclass(frozen=True)
class Sweeper:
    """Fires what is due.

    Parameters:
        clock: seconds that only grow.
    """

    intake: Intake
    fires: Fires
    clock: Callable[[], float] = time.monotonic

    def sweep(self, now: datetime | None = None) -> int:
        """Fire what is due, and what another relay left behind; how many notifications that were.

        Parameters:
            now: for tests; None is the database's clock.
        """
        until = self.clock() + TURN
        fired, taken = self._keep(self.fires.abandoned(most=CLAIMED, now=now), now), CLAIMED
        in_turn = False
        while taken == CLAIMED and self.clock() < until:
            taken, promises = self.fires.claim(_decided, most=CLAIMED, in_turn=in_turn, now=now)
            fired += self._keep(promises, now)
            in_turn = True
        return fired

    def _keep(self, promises: Sequence[Promise], now: datetime | None) -> int:
        kept: list[Kept] = []
        try:
            for promise in promises:
                if (one := self._accept(promise)) is not None:
                    kept.append(one)
        finally:
            self.fires.settle(kept, now=now)
            for one in kept:
                SCHEDULES.labels(one.state).inc()
                if one.state == "fired":
                    SCHEDULE_LAG.observe(max(0.0, one.promise.late))
        return sum(one.state == "fired" for one in kept)

    def _accept(self, promise: Promise) -> Kept | None:
        """What became of a promise; None: it is to be tried again when its lease is over."""
        try:
            self.intake.accept_promised(promise.project_id, promise.request, promise.notification_id)
        except LedgerUnavailable:
            raise
        except CrierError as error:
            log.warning("a schedule fired and was refused", schedule=str(promise.schedule_id))
            return Kept(promise, "failed", str(error)[:_LONGEST_REASON])
        except Exception:
            # A mistake of ours must not keep the others from firing.
            log.exception("a schedule could not be fired", schedule=str(promise.schedule_id))
            return None
        return Kept(promise, "fired")


def _decided(schedule: Schedule, now: datetime) -> Due:
    due = decide(schedule, now)
    for _, state, _ in due.times:
        if state != "promised":  # those are counted when they are kept
            SCHEDULES.labels(state).inc()
    return due


def decide(schedule: Schedule, now: datetime) -> Due:
    """What becomes of a schedule that is due."""
    due = schedule.next_fire_at or now
    try:
        trigger = trigger_of(schedule.trigger)
        found = plan(trigger, schedule.misfire, timedelta(seconds=schedule.misfire_grace), due, now)
    except (ValueError, KeyError) as error:
        # A time zone may be gone from the database of time zones: that is told, and holds up nobody else.
        return Due([(due, "failed", f"Its trigger cannot be read any more: {error}. Make a new schedule.")], None)
    return Due(
        [(tick.at, "promised" if tick.left_out is None else "skipped", tick.left_out) for tick in found.ticks],
        found.next_at,
    )
