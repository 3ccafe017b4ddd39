"""Keeps people's addresses, numbers, codes and keys out of logs."""

import re
from collections.abc import MutableMapping
from typing import Any

_PERSONAL = frozenset({
    "address", "api_key", "authorization", "bcc", "body", "cc", "code", "content", "data", "email", "html",
    "password", "phone", "recipient", "secret", "subject", "target", "text", "title", "to", "token", "tokens",
})  # fmt: skip
_PATTERNS = (
    (re.compile(r"crier_[0-9a-f]{6,}_[\w-]+"), "[key]"),
    (re.compile(r"[^\s<>\"'@,;]+@[^\s<>\"'@,;]+\.[^\s<>\"'@,;.]+"), "[email]"),
    (re.compile(r"\+\d[\d ()-]{6,18}\d"), "[phone]"),
    (re.compile(r"(?<=://)[^/\s@]+@"), "[credentials]@"),
)
_MASK = "[redacted]"


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: masks fields named like personal data, and anything that looks like it elsewhere."""
    return {key: _MASK if key in _PERSONAL else _clean(value) for key, value in event.items()}


def redact_text(value: str) -> str:
    """`value` without mail addresses, telephone numbers, keys and URL credentials."""
    for pattern, mask in _PATTERNS:
        value = pattern.sub(mask, value)
    return value


def _clean(value: Any) -> Any:
    match value:
        case str():
            return redact_text(value)
        case dict():
            return {key: _MASK if key in _PERSONAL else _clean(item) for key, item in value.items()}
        case list() | tuple():
            return [_clean(item) for item in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return redact_text(str(value))
