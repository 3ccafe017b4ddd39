"""The two settings every channel has of its route: who sends, and how fast.

CRIER_SMS_ROUTE=twilio,http          in order of preference
CRIER_SMS_ROUTE=twilio:3,http:1      sharing, three to one
CRIER_SMS_RATES=twilio=100,http=10/m a second's, a minute's or an hour's most
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from shared.providers.permission import Rate
from shared.settings import setting

_ENTRY = re.compile(r"([^:]*)(?::([1-9]\d{0,3}))?")
_RATE = re.compile(r"([^=\s]+)\s*=\s*(\d+(?:\.\d+)?)(?:/([smh]))?")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def route_setting(channel: str) -> Any:
    """The field `route: tuple[str, ...]` of a channel's settings."""
    return setting(
        f"CRIER_{channel.upper()}_ROUTE",
        "Providers in order of preference, as a,b; or sharing the messages by weight, as a:3,b:1; unset: the first "
        "that is configured, else the outbox.",
        default=(), check=_route_problem,
    )  # fmt: skip


def rates_setting(channel: str) -> Any:
    """The field `rates: tuple[str, ...]` of a channel's settings."""
    return setting(
        f"CRIER_{channel.upper()}_RATES",
        "Calls a provider is to have at most, of all workers together, as a=100 (a second), a=90/m or a=500/h; unset: "
        "no limit.",
        default=(), check=_rates_problem,
    )  # fmt: skip


def names_of(entries: Sequence[str]) -> list[str]:
    """The providers of a route, in its order."""
    return [entry.partition(":")[0].strip() for entry in entries]


def weights_of(entries: Sequence[str]) -> dict[str, int]:
    """The weights of a route; none where it is one of preference."""
    pairs = (entry.partition(":") for entry in entries)
    return {name.strip(): int(weight) for name, _, weight in pairs if weight}


def rates_of(entries: Sequence[str]) -> Mapping[str, Rate]:
    """The rates by provider."""
    found = (match.groups() for entry in entries if (match := _RATE.fullmatch(entry)))
    rates = {name: float(count) / _SECONDS[unit or "s"] for name, count, unit in found}
    return {name: Rate(per_second, max(1.0, per_second)) for name, per_second in rates.items()}


def _route_problem(entries: Sequence[str]) -> str | None:
    if wrong := [entry for entry in entries if not _ENTRY.fullmatch(entry)]:
        return f"has a weight that is no whole number from 1 to 9999: {', '.join(wrong)}. Write a:3,b:1."
    if 0 < len(weights_of(entries)) < len(set(names_of(entries))):
        return "gives a weight to some and not to others: give one to all (a:3,b:1), or to none (a,b: by preference)."
    if repeated := [name for name, count in Counter(names_of(entries)).items() if count > 1]:
        return f"names {', '.join(repeated)} more than once."
    return None


def _rates_problem(entries: Sequence[str]) -> str | None:
    for entry in entries:
        match = _RATE.fullmatch(entry)
        if match is None or not float(match[2]):
            return f"has {entry!r}: write a=100 (a second), a=90/m or a=500/h, and nothing for no limit."
    return None
