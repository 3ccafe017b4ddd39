"""How many messages in what time: `100/s`, `600/m`, `5000/h`."""

import re

FASTEST = 10_000.0
_WRITTEN = re.compile(r"([1-9]\d{0,6})/(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def rate_of(throttle: str) -> float:
    """Messages a second. Raises ValueError, with what would be right."""
    written = _WRITTEN.fullmatch(throttle)
    if not written:
        raise ValueError("Must be a number of messages a second, minute or hour: 100/s, 600/m, 5000/h.")
    rate = int(written[1]) / _SECONDS[written[2]]
    if rate > FASTEST:
        raise ValueError(f"May be at most {FASTEST:.0f}/s. Leave it out to send as fast as it goes.")
    return rate
