"""What the calendar may say about when: the part of cron on which every reader of it agrees.

periodiq sends the ticks and APScheduler finds the missed ones. Where the two differ, or periodiq 0.14 is wrong, the
calendar refuses the expression instead of running a job at another time than it reads:
- periodiq compares weekdays with `isoweekday()`, where Sunday is 7, but calls it 0: `0`, `sun` and `@weekly` never
  fire. And weekday 1 is Monday to periodiq and Tuesday to APScheduler, so weekdays have names here;
- periodiq counts the days to a month from the wrong day and skips some: months are `*`;
- with both a day of the month and a weekday, periodiq fires on either and APScheduler on both;
- `5/15` is 5 to periodiq and 5, 20, 35, 50 to APScheduler; `@daily` and the like only periodiq reads.
"""

import re

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat")
"""The weekdays a job may fire on. Not Sunday."""

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31))
_PART = re.compile(r"\*(?:/(?P<every>\d+))?|(?P<first>\d+)(?:-(?P<last>\d+)(?:/(?P<step>\d+))?)?", re.ASCII)
_SUNDAY = re.compile(r"\b(sun|[07])\b|\*/", re.IGNORECASE)


def cron_problem(expression: str) -> str | None:
    """What is wrong with a cron expression of the calendar and what would be right, or `None`."""
    if expression.startswith("@"):
        return "write the five fields out, e.g. `0 0 * * mon`: only some readers know names like @weekly."
    fields = expression.split(" ")
    if len(fields) != 5:
        return "five fields with one space between: minute, hour, day of the month, month, weekday."
    for value, (name, least, most) in zip(fields, _FIELDS, strict=False):
        if not all(_fits(part, least, most) for part in value.split(",")):
            return f"the {name} {value!r} must be *, */n, n, n-m or n-m/s with numbers from {least} to {most}."
    _, _, day, month, weekday = fields
    if month != "*":
        return f"the month must be *, not {month!r}: periodiq misses days when months are named."
    if weekday == "*":
        return None
    if _SUNDAY.search(weekday):
        return f"the weekday {weekday!r} touches Sunday, on which periodiq never fires: choose from mon to sat."
    if not all(_is_weekdays(part) for part in weekday.split(",")):
        return f"the weekday {weekday!r} must be *, or days and ranges by name such as mon-fri or tue,sat."
    if day != "*":
        return "either a day of the month or a weekday: readers differ on what both together mean."
    return None


def _fits(part: str, least: int, most: int) -> bool:
    match = _PART.fullmatch(part)
    if match is None:
        return False
    numbers = [int(match[name]) for name in ("first", "last") if match[name]]
    steps = [int(match[name]) for name in ("every", "step") if match[name]]
    return [least, *numbers, most] == sorted([least, *numbers, most]) and all(1 <= step <= most for step in steps)


def _is_weekdays(part: str) -> bool:
    first, dash, last = part.partition("-")
    if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
        return False
    return not dash or WEEKDAYS.index(first) <= WEEKDAYS.index(last)
