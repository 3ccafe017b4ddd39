"""Python values as the gateway reads them: JSON, with what JSON has no words for written as text."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson


def encode(value: Any) -> bytes:
    """JSON. Moments are written as RFC 3339, UUIDs and decimals as text.

    Raises:
        TypeError: JSON cannot say it; the type is named.
    """
    return orjson.dumps(value, default=_spelled)


def as_query(fields: Mapping[str, Any]) -> dict[str, str]:
    """Fields as an address has them: text as it is, all else as its JSON; without those that are None."""
    plain: dict[str, Any] = orjson.loads(encode(given(fields)))
    return {name: value if isinstance(value, str) else encode(value).decode() for name, value in plain.items()}


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def _spelled(value: Any) -> Any:
    match value:
        case Decimal():
            return str(value)
        case Mapping():
            return dict(value)
    raise TypeError
