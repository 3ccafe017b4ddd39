"""What options take: moments, durations, `name=value`, files of JSON."""

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST = 100 * 365 * 86_400
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def duration(text: str) -> timedelta:
    """`90s`, `10m`, `2h` or `1d`; as an option's type."""
    found = _distance(text)
    if found is None:
        raise click.BadParameter(f"{text!r} is no duration such as 90s, 10m, 2h or 1d.")
    return found


def durations(text: str) -> str | list[str]:
    """One duration, or several with commas between them; as an option's type."""
    each = [one.strip() for one in text.split(",")]
    for one in each:
        duration(one)
    return each if len(each) > 1 else each[0]


def moment(text: str) -> str:
    """A moment (RFC 3339), or a duration counted from now; as an option's type."""
    return _moment(text, 1)


def past_moment(text: str) -> str:
    """The same, with durations counted back from now."""
    return _moment(text, -1)


def _moment(text: str, direction: int) -> str:
    distance = _distance(text)
    if distance is not None:
        return (datetime.now(UTC) + direction * distance).isoformat()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        example = "2027-03-01T18:30:00Z"
        raise click.BadParameter(f"{text!r} is no moment such as {example}, and no duration such as 10m.") from None
    # Without an offset the terminal's own zone is meant, as in everything else that is typed there.
    return found.astimezone().isoformat() if found.tzinfo is None else text


def _distance(text: str) -> timedelta | None:
    found = _DURATION.fullmatch(text)
    seconds = float(found[1]) * _UNITS[found[2]] if found else math.inf
    return timedelta(seconds=seconds) if seconds <= _LONGEST else None


def json_file(option: str, name: str) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        UsageError: there is no such file, or it holds no JSON object; the option is named.
    """
    text = text_file(option, name)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise click.UsageError(f"{option}: {name}, line {error.lineno}, is not JSON: {error.msg}.") from None
    if not isinstance(value, dict):
        raise click.UsageError(f"{option}: {name} must hold a JSON object, {{…}}.")
    return value


def text_file(option: str, name: str) -> str:
    """The text in a file; UsageError names the option when it cannot be read."""
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{option}: {name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{option}: {name} is not UTF-8 text.") from None


def text_or_file(option: str, value: str | None) -> str | None:
    """The value itself, or with an @ before it the text of the file it names."""
    return text_file(option, value[1:]) if value and value.startswith("@") else value


def pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """`name=value`, each name once."""
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{option}: write name=value, not {one!r}.")
        if name in found:
            raise click.UsageError(f"{option}: {name} is given twice.")
        found[name] = value
    return found
