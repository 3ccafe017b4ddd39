"""How far a campaign is, and when it will be over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.ledger.campaigns import Campaign, Wave
from shared.ledger.states import FINAL

_TELLING_SECONDS, _TELLING_COUNT = 5.0, 50


@dataclass(frozen=True, slots=True)
class Progress:
    """Members by where they are.

    Parameters:
        members: of the audience.
        left: of whom no notification was made yet.
        refused: nothing can be sent to them; the batch's errors say why. passed_over: their local time had passed.
        states: deliveries by state; a push to three devices has three.
        ended: deliveries that have, one way or another.
        share: of everything there is to do, from 0 to 1.
        rate: messages a second, as they were so far or as the throttle says.
        estimated_end: None where nothing is known to tell by, or nothing goes on.
    """

    members: int
    left: int
    refused: int
    passed_over: int
    states: Mapping[str, int]
    ended: int
    share: float
    rate: float | None
    estimated_end: datetime | None


def progress_of(
    campaign: Campaign, states: Mapping[str, int], waves: Sequence[Wave], now: datetime, speed: float | None
) -> Progress:  # fmt: skip
    """The progress of a campaign.

    Parameters:
        speed: messages a second that another had in this lane.
    """
    left = campaign.members - campaign.taken - campaign.passed_over
    ended = sum(count for state, count in states.items() if state in FINAL)
    deliveries = sum(states.values())
    over = campaign.state in ("done", "cancelled")
    rate = _rate(campaign, ended, now, speed)
    todo = left + deliveries
    share = 1.0 if over else ended / todo if todo else 0.0
    end = None
    if campaign.state in ("scheduled", "running"):
        end = _end(waves, left + deliveries - ended, now, rate)
    return Progress(
        members=campaign.members, left=left, refused=campaign.refused, passed_over=campaign.passed_over,
        states=dict(states), ended=ended, share=round(share, 4), rate=round(rate, 2) if rate else None,
        estimated_end=end,
    )  # fmt: skip


def _rate(campaign: Campaign, ended: int, now: datetime, speed: float | None) -> float | None:
    usual = campaign.rate or speed
    if campaign.started_at is None or campaign.local_time:
        return usual
    until = campaign.ended_at or campaign.paused_at or now
    active = (until - campaign.started_at).total_seconds() - campaign.paused_for
    if active >= _TELLING_SECONDS and ended >= _TELLING_COUNT:
        return ended / active
    return usual


def _end(waves: Sequence[Wave], remaining: int, now: datetime, rate: float | None) -> datetime | None:
    """After everything that remains, and not before the last wave has gone out."""
    if rate is None:
        return None
    ends = [now + timedelta(seconds=remaining / rate)]
    ends += [
        wave.starts_at + timedelta(seconds=wave.members / rate) for wave in waves if not wave.done and not wave.number
    ]
    return max(ends).replace(microsecond=0)
