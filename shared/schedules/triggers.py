"""Triggers: when a schedule fires, as data, and the next time after a moment.

Where clocks are changed, by cron:
- an expression that names hours fires once for each time it names: at the first of two equal times, and where the time
  it names is left out, at the moment the clock jumps over it;
- one for every hour (`*/15 * * * *`) fires whenever the clock shows its minutes: on through both of two equal hours,
  and not in one that is left out.
Intervals are real time, which no change of clocks touches.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from apscheduler.triggers.interval import IntervalTrigger

from shared.durations import distance_of
from shared.schedules.cron import Cron, read_cron

_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)


class Trigger(Protocol):
    """When a schedule fires."""

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time after a moment, in UTC; None when there is none any more."""

    def to_json(self) -> dict[str, Any]:
        """The data it is made of again by `trigger_of`."""


@dataclass(frozen=True, slots=True)
class Once:
    """At one moment."""

    at: datetime

    def next_after(self, moment: datetime) -> datetime | None:
        """That moment, until it has come."""
        return self.at if self.at > moment else None

    def to_json(self) -> dict[str, Any]:
        """`{"at": …}`."""
        return {"at": self.at.isoformat()}


@dataclass(frozen=True, slots=True)
class Every:
    """At `start_at`, and at equal distances from then on.

    Parameters:
        every: as it was written, e.g. `30m`; `distance` is what it means.
        end_at: never after this moment.
    """

    every: str
    distance: timedelta
    start_at: datetime
    end_at: datetime | None = None

    def next_after(self, moment: datetime) -> datetime | None:
        """The next of the moments that are a whole number of distances after `start_at`."""
        trigger = IntervalTrigger(
            seconds=int(self.distance.total_seconds()), start_date=self.start_at, end_date=self.end_at, timezone=UTC
        )
        found: datetime | None = trigger.get_next_fire_time(None, _next_second(moment))
        return found

    def to_json(self) -> dict[str, Any]:
        """`{"every": "30m", "start_at": …}`."""
        return {"every": self.every, "start_at": self.start_at.isoformat(), **_end(self.end_at)}


@dataclass(frozen=True, slots=True)
class ByCron:
    """When the clocks of a time zone show what a cron expression says."""

    cron: str
    timezone: str = "UTC"
    start_at: datetime | None = None
    end_at: datetime | None = None

    def next_after(self, moment: datetime) -> datetime | None:
        """The next time; see the module on days when clocks are changed."""
        after = self.start_at - _SECOND if self.start_at is not None and self.start_at > moment else moment
        cron, zone = read_cron(self.cron), ZoneInfo(self.timezone)
        found = _as_clocks_show(cron, zone, after) if cron.every_hour else _each_named_time(cron, zone, after)
        return None if self.end_at is not None and found > self.end_at else found

    def to_json(self) -> dict[str, Any]:
        """`{"cron": "0 9 * * mon-fri", "timezone": "Europe/London"}`."""
        start = {} if self.start_at is None else {"start_at": self.start_at.isoformat()}
        return {"cron": self.cron, "timezone": self.timezone, **start, **_end(self.end_at)}


def trigger_of(data: Mapping[str, Any]) -> Trigger:
    """The trigger that `to_json` wrote.

    Raises:
        KeyError, ValueError: it is none, or its time zone is gone from the database of time zones.
    """
    if "at" in data:
        return Once(datetime.fromisoformat(data["at"]))
    start, end = (datetime.fromisoformat(data[name]) if name in data else None for name in ("start_at", "end_at"))
    if "every" in data:
        if start is None:
            raise KeyError("start_at")
        return Every(data["every"], distance_of(data["every"]), start, end)
    read_cron(data["cron"])
    ZoneInfo(data["timezone"])
    return ByCron(data["cron"], data["timezone"], start, end)


def upcoming(trigger: Trigger, after: datetime, most: int) -> list[datetime]:
    """The next times after a moment, `most` at most."""

    def times() -> Any:
        moment = trigger.next_after(after)
        while moment is not None:
            yield moment
            moment = trigger.next_after(moment)

    return list(islice(times(), most))


def latest_until(trigger: Trigger, first: datetime, until: datetime) -> datetime:
    """The last time that is not after `until`, given one that is not.

    By halving, so that a minute's schedule that was missed for a month is no more work than a year's.
    """
    low, high = 0, int((until - first).total_seconds())
    while low < high:
        middle = (low + high + 1) // 2
        found = trigger.next_after(first + timedelta(seconds=middle - 1))
        low, high = (middle, high) if found is not None and found <= until else (low, middle - 1)
    found = trigger.next_after(first + timedelta(seconds=low - 1)) if low else first
    return found or first


def _each_named_time(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime:
    """The next time an expression names, where each fires once."""
    wall = cron.next_wall(after.astimezone(zone).replace(tzinfo=None))
    # In the second of two equal hours the times after this one may be those of the first.
    while (found := _first_shown(wall, zone)) <= after:
        wall = cron.next_wall(wall)
    return found


def _first_shown(wall: datetime, zone: ZoneInfo) -> datetime:
    """When clocks first show a time, or jump over it."""
    found = wall.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall:
        return found
    return _change(zone, wall.replace(tzinfo=zone, fold=1).astimezone(UTC), found)


def _as_clocks_show(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime:
    """The next moment at which clocks show what an expression says, however often they did."""
    offset = _offset(zone, after)
    wall = cron.next_wall((after + offset).replace(tzinfo=None))
    while True:
        found = wall.replace(tzinfo=UTC) - offset
        # A day ahead as well: changed at midnight and back within the year, clocks go as they did.
        ahead = min(found, after + _DAY)
        changed = next((moment for moment in (ahead, found) if _offset(zone, moment) != offset), None)
        if changed is None:
            return found
        after = _change(zone, after, changed)
        offset = _offset(zone, after)
        wall = cron.next_wall((after + offset - _SECOND).replace(tzinfo=None))


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second at which clocks do not go any more as at `low`, which they do not at `high`."""
    was, low = _offset(zone, low), low.replace(microsecond=0)
    seconds, most = 0, int((high - low).total_seconds())
    while most - seconds > 1:
        middle = (seconds + most) // 2
        if _offset(zone, low + timedelta(seconds=middle)) == was:
            seconds = middle
        else:
            most = middle
    return low + timedelta(seconds=most)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _next_second(moment: datetime) -> datetime:
    """Times are whole seconds: the first that is after a moment."""
    return moment.replace(microsecond=0) + _SECOND


def _end(end_at: datetime | None) -> dict[str, str]:
    return {} if end_at is None else {"end_at": end_at.isoformat()}
