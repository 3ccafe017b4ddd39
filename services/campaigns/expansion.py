"""Members become notifications: a thousand at a time, no more than the throttle and the workers have room for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from prometheus_client import Counter

from services.campaigns.prepared import Preparer
from shared.delivery.bells import Ringer
from shared.intake import Intake
from shared.intake.drafts import row_errors
from shared.intake.envelope import told
from shared.ledger.batches import Batch
from shared.ledger.campaign_turns import Turn
from shared.ledger.campaigns import AHEAD, Campaign, Wave
from shared.ledger.draft import Draft
from shared.ledger.ids import new_id

CHUNK = 1000
_STEP = 0.5
"""Seconds of a campaign with a throttle whose messages are due together."""
_CROWDED = 0.5

RECIPIENTS = Counter("crier_campaign_recipients_total", "Members of audiences that were taken.", ["outcome"])


@dataclass(frozen=True)
class Expansion:
    """Makes notifications of members.

    Parameters:
        window: deliveries of a campaign that may wait for workers; so a pause or an end finds little to do.
    """

    intake: Intake
    preparer: Preparer
    ringer: Ringer | None
    window: int

    def go_on(self, turn: Turn) -> bool:
        """Take some members, or say when to look again; False when everybody was taken."""
        wave = turn.wave()
        if wave is None:
            turn.spread()
            return turn.wait_for_next_wave(None if turn.campaign.rate is None or turn.is_drained() else AHEAD / 2)
        if turn.campaign.batch_id is None:
            turn.begin(Batch(new_id(), {"campaign": str(turn.campaign.id), **told(turn.campaign.request)}))
        turn.spread()
        rate = turn.campaign.rate
        begin = max(turn.campaign.paced_until or turn.now, turn.now)
        ahead = (begin - turn.now).total_seconds()
        if rate is not None and ahead >= AHEAD:
            turn.wait(min(ahead - AHEAD / 2, AHEAD / 2))
        elif turn.is_crowded(self.window if rate is None else int(rate * AHEAD)):
            turn.wait(_CROWDED)
        else:
            self._take(turn, wave, begin, CHUNK if rate is None else _room(rate, AHEAD - ahead))
        return True

    def ring(self, campaign: Campaign) -> None:
        """Wake the workers of its lane."""
        if self.ringer and campaign.state in ("scheduled", "running"):
            self.ringer.ring(campaign.queue)

    def _take(self, turn: Turn, wave: Wave, begin: datetime, limit: int) -> None:
        campaign = turn.campaign
        batch_id, stream_id = campaign.batch_id, campaign.stream_id
        if batch_id is None or stream_id is None:
            raise ValueError("It has no batch.")
        members = turn.members(wave, limit)
        prepared = self.preparer.of(campaign)
        drafts, refused = self.intake.drafts.make(
            campaign.project_id, prepared.envelope, prepared.rows(batch_id, members)
        )  # fmt: skip
        timed = list(_paced(drafts, begin, campaign.rate)) if campaign.rate else drafts
        if timed:
            self.intake.acceptance.accept_within(
                turn.connection, campaign.project_id, timed, batch_id=batch_id, stream_id=stream_id
            )
        turn.refuse(row_errors(refused))
        is_last = len(members) < limit
        turn.move(wave, members[-1].number if members else wave.number, done=is_last)
        next_at, paced_until = None if is_last else turn.now, None
        if campaign.rate is not None:
            paced_until = begin + timedelta(seconds=sum(len(draft.targets) for draft in drafts) / campaign.rate)
            next_at = max(turn.now, paced_until - timedelta(seconds=AHEAD / 2))
        turn.taken(len(members), len(refused), next_at=next_at, paced_until=paced_until)
        RECIPIENTS.labels("accepted").inc(len(drafts))
        RECIPIENTS.labels("refused").inc(len(refused))


def _room(rate: float, seconds: float) -> int:
    return min(CHUNK, max(1, int(rate * seconds)))


def _paced(drafts: Sequence[Draft], begin: datetime, rate: float) -> Iterator[Draft]:
    """The drafts, each with the moment from which it may be sent; some share one, which costs less.

    A draft to several devices is as many messages.
    """
    place = 0
    for draft in drafts:
        seconds = place / rate
        yield replace(draft, send_at=begin + timedelta(seconds=seconds - seconds % _STEP))
        place += len(draft.targets)
