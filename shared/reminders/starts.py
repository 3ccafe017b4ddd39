"""When an event begins: what was given, as a moment and as the clock shows it there."""

import difflib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

_WALL_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d)?")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Start:
    """When something begins.

    Parameters:
        moment: in UTC. wall_time: what the clock shows then, in the IANA zone `timezone`; naive.
    """

    moment: datetime
    wall_time: datetime
    timezone: str

    @classmethod
    def at(cls, moment: datetime, timezone: str) -> "Start":
        """A moment, as a start."""
        return cls(moment.astimezone(UTC), moment.astimezone(ZoneInfo(timezone)).replace(tzinfo=None), timezone)

    @property
    def local(self) -> str:
        """What the clock shows, with its offset from UTC: tells which of two is meant where clocks are put back."""
        return self.moment.astimezone(ZoneInfo(self.timezone)).isoformat()


def start_of(text: str, timezone: str) -> Start:
    """The start that `text` says: a time on the clock of `timezone`, or a moment with its offset from UTC.

    A time the clock shows twice, when it is put back, is the first of the two; a moment with its offset says which.

    Raises:
        ValueError: it is neither, or a time that the clock leaves out; with a sentence that says what would be right.
    """
    zone = ZoneInfo(timezone)
    try:
        if _MOMENT.fullmatch(text):
            return Start.at(datetime.fromisoformat(text.upper()), timezone)
        if not _WALL_TIME.fullmatch(text):
            raise ValueError
        wall = datetime.fromisoformat(text.upper())
        moment = wall.replace(tzinfo=zone).astimezone(UTC)
        shown = moment.astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise ValueError(
            f"Must be a time in {timezone}, e.g. 2027-03-01T18:30:00, or a moment with its offset, e.g. "
            "2027-03-01T18:30:00Z."
        ) from None
    if shown != wall:
        raise ValueError(
            f"There is no {wall:%H:%M} on {wall:%Y-%m-%d} in {timezone}: clocks go forward then. "
            f"Give {shown.isoformat()}, or a moment with its offset."
        )
    return Start(moment, wall, timezone)


def check_zone(name: str) -> None:
    """Raise ValueError, with those that were probably meant, unless `name` is an IANA time zone."""
    if name in _zones():
        return
    wanted = name[:60].lower().replace(" ", "_")
    places = {zone.lower(): zone for zone in _zones()}
    near = [zone for zone in _zones() if zone.lower().rpartition("/")[2] == wanted]
    near += [places[one] for one in difflib.get_close_matches(wanted, list(places), n=3)]
    meant = " or ".join(list(dict.fromkeys(near))[:3])
    raise ValueError(f"Not an IANA time zone such as Europe/London.{f' Did you mean {meant}?' if meant else ''}")


@cache
def _zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))
