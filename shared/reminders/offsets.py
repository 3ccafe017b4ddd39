"""How long before an event a reminder is sent, or after it a follow-up: `24h`, `2h`, `30m`, `7d`, `1d12h`.

Days are days of the calendar: the same time on the clock of the event's zone, so many days apart, however long those
days are. Hours and minutes are time that passes. Where clocks change in between, `1d` and `24h` are therefore apart.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.reminders.starts import Start

MOST = 10
"""Reminders an event may have."""
LONGEST = timedelta(days=366)
DEFAULT = ("24h", "2h")

_FORM = re.compile(r"(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,6})m)?")


@dataclass(frozen=True, slots=True)
class Offset:
    """Days of the calendar, and minutes that pass."""

    days: int
    minutes: int

    @classmethod
    def parse(cls, text: str) -> "Offset":
        """Read `1d12h`. Raises ValueError, with a sentence that says what would be right."""
        found = _FORM.fullmatch(text)
        if not text or found is None:
            raise ValueError(f"{text[:40]!r} is no offset such as 24h, 30m, 7d or 1d12h.")
        days, hours, minutes = (int(part or 0) for part in found.groups())
        made = cls(days, hours * 60 + minutes)
        if not timedelta(minutes=1) <= timedelta(days=days, minutes=made.minutes) <= LONGEST:
            raise ValueError(f"Must be from 1m to {LONGEST.days}d; {text[:40]} is not.")
        return made

    def __str__(self) -> str:
        """In the one form in which two of the same are equal: 90m is 1h30m. 24h is no 1d."""
        hours, minutes = divmod(self.minutes, 60)
        parts = ((self.days, "d"), (hours, "h"), (minutes, "m"))
        return "".join(f"{count}{unit}" for count, unit in parts if count)

    def before(self, start: Start) -> datetime:
        """The moment that is so long before `start`.

        A time the clock leaves out that day is moved forward by as much; of one it shows twice, the first is meant.
        """
        return self._apart(start, -1)

    def after(self, end: Start) -> datetime:
        """The moment that is so long after `end`; so with times the clock leaves out, or shows twice."""
        return self._apart(end, 1)

    def _apart(self, start: Start, sign: int) -> datetime:
        if not self.days:
            return start.moment + sign * timedelta(minutes=self.minutes)
        wall = (start.wall_time + sign * timedelta(days=self.days)).replace(tzinfo=ZoneInfo(start.timezone))
        return wall.astimezone(UTC) + sign * timedelta(minutes=self.minutes)
