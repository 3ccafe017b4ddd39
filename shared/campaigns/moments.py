"""When whose turn is: at a moment for all, or when clocks show a time where each recipient is.

A time that clocks leave out, when they are put forward, is the moment of the change: a campaign reaches everybody on
that day. A time they show twice is the first of the two.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.ledger.campaigns import Wave

EVERYBODY = "*"
PAST = ("send", "skip")
TOLERATED = timedelta(seconds=60)
"""How long after its moment a zone is not past yet."""

_WALL = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?")


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A time on the recipients' clocks.

    Parameters:
        at: what they show; naive.
        timezone: where those are who have no zone.
        past: what becomes of those whose clocks showed it before the release: `send` at once, or `skip`.
    """

    at: datetime
    timezone: str
    past: str

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "LocalTime":
        """As it is kept."""
        return cls(wall_time(said["at"]), said["timezone"], said["past"])

    def moment(self, zone: str) -> datetime:
        """When it is that time in `zone` ('' is that of those who have none), in UTC."""
        place = _place(zone or self.timezone) or _place(self.timezone) or ZoneInfo("UTC")
        there = self.at.replace(tzinfo=place)
        moment = there.astimezone(UTC)
        shown = moment.astimezone(place).replace(tzinfo=None)
        if shown == self.at:
            return moment
        # It is left out. By the offset from before, the moment lies as far behind the change as the time behind the
        # gap's begin (PEP 495): so far back is the change itself.
        return moment - (self.at - _gap_begins(self.at, place))


def wall_time(text: str) -> datetime:
    """A time on a clock, e.g. `2027-03-28T09:00`. Raises ValueError."""
    if not _WALL.fullmatch(text):
        raise ValueError(f"not a time on a clock: {text}")
    return datetime.fromisoformat(text)


def waves(
    zones: Mapping[str, int], members: int, now: datetime, *, send_at: datetime | None, local_time: LocalTime | None
) -> tuple[list[Wave], int]:  # fmt: skip
    """When whose turn is, and how many have none because their time has passed.

    Parameters:
        zones: members by zone.
    """
    if local_time is None:
        return [Wave(EVERYBODY, max(send_at or now, now), members)], 0
    found, passed_over = [], 0
    for zone, count in zones.items():
        moment = local_time.moment(zone)
        if moment < now - TOLERATED and local_time.past == "skip":
            passed_over += count
        else:
            found.append(Wave(zone, max(moment, now), count))
    return sorted(found, key=lambda wave: (wave.starts_at, wave.zone)), passed_over


def span(found: Sequence[Wave]) -> tuple[datetime, datetime] | None:
    """The first and the last moment at which somebody's turn begins."""
    return (found[0].starts_at, found[-1].starts_at) if found else None


def _place(zone: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):  # one that a later version of the table does not have any more
        return None


def _gap_begins(at: datetime, place: ZoneInfo) -> datetime:
    """What the clock showed when it was put forward past `at`."""
    before = at.replace(tzinfo=place, fold=0).utcoffset() or timedelta()
    after = at.replace(tzinfo=place, fold=1).utcoffset() or timedelta()
    low, high = (at - abs(before - after)).replace(tzinfo=UTC), at.replace(tzinfo=UTC)
    # The last second that is still in the offset from before.
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        is_before = (middle - before).astimezone(place).utcoffset() == before
        low, high = (middle, high) if is_before else (low, middle)
    return high.replace(tzinfo=None, microsecond=0)
