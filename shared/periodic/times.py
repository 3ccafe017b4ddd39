"""When a cron expression of the calendar was due, and when it will be. Needs APScheduler, as the scheduler does not."""

from datetime import datetime, timedelta
from functools import cache

from apscheduler.triggers.cron import CronTrigger

_WINDOWS = tuple(timedelta(**window) for window in ({"hours": 1}, {"days": 1}, {"days": 7}, {"days": 62}))


def latest_tick(cron: str, until: datetime) -> datetime:
    """The last moment a cron expression was due, not after `until`."""
    for window in _WINDOWS:
        tick, found = _from(cron, until - window), None
        while tick <= until:
            tick, found = _from(cron, tick + timedelta(seconds=1)), tick
        if found is not None:
            return found
    raise ValueError(f"{cron!r} is never due.")


def next_tick(cron: str, after: datetime) -> datetime:
    """The first moment a cron expression is due after `after`."""
    return _from(cron, after + timedelta(microseconds=1))


def _from(cron: str, moment: datetime) -> datetime:
    tick: datetime = _trigger(cron).get_next_fire_time(None, moment)
    return tick


@cache
def _trigger(cron: str) -> CronTrigger:
    return CronTrigger.from_crontab(cron, timezone="UTC")
