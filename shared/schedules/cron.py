"""Cron expressions as cron(5) means them, whatever a library takes the numbers of weekdays for.

Here 0 and 7 are Sunday. APScheduler, which finds the times, calls Monday 0: it is given names, never numbers. What
readers of cron read differently is refused instead of guessed: `5/15`, and a day of the month with a weekday.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from apscheduler.triggers.cron import CronTrigger

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_LAST = "l"
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(?:(?P<all>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[0-9]{1,3}))?", re.ASCII)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the five: its name, its least and greatest value, and words for values."""

    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()

    def read(self, text: str) -> frozenset[int]:
        """The values that a field stands for. Raises ValueError, which says what would be right."""
        return frozenset(value for part in text.split(",") for value in self._part(part))

    def _part(self, part: str) -> Iterable[int]:
        found = _PART.fullmatch(part)
        if found is None:
            raise self._wrong(part)
        step = int(found["step"] or 1)
        if not 1 <= step <= self.most:
            raise self._wrong(part)
        if found["all"]:
            return range(self.least, self.most + 1, step)
        if found["step"] and not found["last"]:
            raise ValueError(
                f"the {self.name} {part!r} is read differently by different readers: write *, or n-m, before the /"
            )
        first = self._value(found["first"], part)
        last = first if found["last"] is None else self._value(found["last"], part)
        if last < first:
            raise ValueError(f"the {self.name} {part!r} runs backwards: write two ranges, such as 22-23,0-2")
        return range(first, last + 1, step)

    def _value(self, text: str, part: str) -> int:
        words = {word: number for number, word in enumerate(self.words, start=self.least)}
        value = int(text) if text.isdecimal() else words.get(text, -1)
        if not self.least <= value <= self.most:
            raise self._wrong(part)
        return value

    def _wrong(self, part: str) -> ValueError:
        named = f", or {self.words[0]} to {self.words[-1]}" if self.words else ""
        numbers = f"numbers from {self.least} to {self.most}{named}"
        return ValueError(f"the {self.name} {part[:20]!r} must be *, */n, n, n-m or n-m/s with {numbers}")


class _Weekday(_Field):
    """Sunday is 0 and 7, and the end of a week where it ends a range: `sat-sun`."""

    __slots__ = ()

    def _part(self, part: str) -> Iterable[int]:
        first, dash, last = part.partition("-")
        end, slash, step = last.partition("/")
        if dash and end in {"0", "sun"} and first not in {"0", "sun"}:
            part = f"{first}-7{slash}{step}"
        if part.startswith("*/"):
            # Not to 7, or */7 would be Sunday twice over and */2 a Sunday after Saturday.
            part = part.replace("*", "0-6", 1)
        return (value % 7 for value in super()._part(part))


_MINUTE, _HOUR = _Field("minute", 0, 59), _Field("hour", 0, 23)
_DAY = _Field("day of the month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Weekday("weekday", 0, 7, _WEEKDAYS)
_EVERY_DAY, _EVERY_WEEKDAY = frozenset(range(1, 32)), frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Cron:
    """An expression that was read.

    Parameters:
        days: of the month; `last`: its last one too.
        weekdays: 0 is Sunday.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    last: bool
    months: frozenset[int]
    weekdays: frozenset[int]

    @property
    def every_hour(self) -> bool:
        """It names no hour: it fires whenever the clock shows its minutes."""
        return len(self.hours) == 24

    def next_wall(self, after: datetime) -> datetime:
        """The next time a clock on a wall shows what it says, after `after`; both without a zone."""
        whole = after.replace(microsecond=0, tzinfo=UTC) + _SECOND
        found: datetime = _trigger(self).get_next_fire_time(None, whole)
        return found.replace(tzinfo=None)


@lru_cache(maxsize=10_000)
def read_cron(expression: str) -> Cron:
    """Read an expression of five fields, or one of the names such as `@daily`.

    Raises:
        ValueError: it is none, says what readers differ on, or never fires; the message says what would be right.
    """
    texts = _NAMED.get(expression.strip().lower(), expression).lower().split()
    if len(texts) == 1 and texts[0].startswith("@"):
        raise ValueError(f"Must be five fields, or one of {', '.join(_NAMED)}.")
    if len(texts) != 5:
        raise ValueError(
            "Must have five fields: minute, hour, day of the month, month, weekday, such as `0 9 * * mon-fri`; "
            f"this has {len(texts)}."
        )
    minute, hour, day, month, weekday = texts
    days = day.split(",")
    numbers = ",".join(one for one in days if one != _LAST)
    try:
        read = Cron(
            _MINUTE.read(minute), _HOUR.read(hour), _DAY.read(numbers) if numbers else frozenset(), _LAST in days,
            _MONTH.read(month), _WEEKDAY.read(weekday),
        )  # fmt: skip
    except ValueError as error:
        raise ValueError(f"Not a cron expression: {error}.") from None
    if read.weekdays != _EVERY_WEEKDAY and read.days != _EVERY_DAY:
        raise ValueError(
            "Give a day of the month or a weekday, and * for the other: readers of cron differ on what both together "
            "mean. Two schedules say either."
        )
    if not read.last and all(min(read.days) > _LONGEST[number - 1] for number in read.months):
        raise ValueError("This never fires: none of its months has such a day.")
    return read


@lru_cache(maxsize=10_000)
def _trigger(cron: Cron) -> CronTrigger:
    """The trigger over clocks that are never changed: UTC stands for the clock on the wall."""
    days = [*_listed(cron.days, 31), *(["last"] if cron.last else [])]
    return CronTrigger(
        minute=",".join(_listed(cron.minutes, 60)),
        hour=",".join(_listed(cron.hours, 24)),
        day=",".join(days),
        month=",".join(_listed(cron.months, 12)),
        day_of_week="*"
        if cron.weekdays == _EVERY_WEEKDAY
        else ",".join(_WEEKDAYS[one] for one in sorted(cron.weekdays)),
        timezone=UTC,
    )


def _listed(values: frozenset[int], every: int) -> list[str]:
    return ["*"] if len(values) == every else [str(value) for value in sorted(values)]
