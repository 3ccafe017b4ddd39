"""What the fields of an event hold, read without raising: providers add fields, leave some out, and change types."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

FRESH = 300.0
"""Seconds within which what a provider signed has to arrive, where it signs the time of sending."""


def section(value: Any, *path: str) -> Mapping[str, Any]:
    """The object at `path` inside `value`; empty where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def text(value: Any) -> str:
    """A string or a number as text; empty for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def delivery_id(value: Any) -> UUID | None:
    """Our id, if it is one."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def seconds(value: Any) -> float | None:
    """Seconds since 1970, as a number or as text."""
    try:
        found = float(text(value))
    except ValueError:
        return None
    return found if 0 <= found < 1e11 else None


def moment(value: Any) -> datetime | None:
    """A time, from seconds since 1970 or from ISO 8601; without a zone it is UTC."""
    if (since := seconds(value)) is not None:
        return datetime.fromtimestamp(since, UTC)
    try:
        found = datetime.fromisoformat(text(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def fingerprint(event: Any) -> str:
    """An id made of what an event says, for one that has none."""
    return hashlib.sha256(orjson.dumps(event, option=orjson.OPT_SORT_KEYS)).hexdigest()
