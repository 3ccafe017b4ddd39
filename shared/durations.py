"""Durations as people write them: `90s`, `30m`, `24h`, `7d`."""

from datetime import timedelta

_UNITS = {"s": (1, "second"), "m": (60, "minute"), "h": (3600, "hour"), "d": (86_400, "day")}


def distance_of(text: str) -> timedelta:
    """`90s`, `30m`, `2h` or `1d`. Raises ValueError when it is none of them."""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isascii() or not number.isdecimal() or len(number) > 9:
        raise ValueError("Must be a whole number and s, m, h or d, such as 30m or 1d.")
    return timedelta(seconds=int(number) * _UNITS[unit][0])


def spelled(text: str) -> str:
    """`7d` in words: 7 days."""
    number = int(text[:-1])
    return f"{number} {_UNITS[text[-1]][1]}{'' if number == 1 else 's'}"
