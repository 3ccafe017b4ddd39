"""Field types of a notification request: moments, time zones, locales, metadata."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import orjson
from marshmallow import ValidationError, fields, validate

from shared.intake.problems import did_you_mean
from shared.messages.content import CHANNELS
from shared.messages.fields import Line
from shared.templates.manifest import CATEGORY

MAX_METADATA_KEYS = 20
MAX_METADATA_BYTES = 1024

_DATE_TIME = r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?"
_RFC_3339 = re.compile(rf"{_DATE_TIME}([Zz]|[+-]\d\d:\d\d)")
_NAIVE = re.compile(_DATE_TIME)
_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")


class Moment(fields.DateTime):
    """A moment with its offset (RFC 3339 section 5.6), as UTC. A Python caller may give a `datetime` that has one."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        if isinstance(value, datetime):
            value = value.isoformat()
        if isinstance(value, str) and _NAIVE.fullmatch(value):
            raise ValidationError(f"Say which offset from UTC is meant: {value}Z or {value}+01:00.")
        try:
            if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
                raise ValueError
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError("Must be a moment as RFC 3339 writes it, e.g. 2026-03-01T18:30:00Z.") from None


class TimeZone(Line):
    """The name of an IANA time zone."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        if name not in _zones():
            raise ValidationError(f"Not an IANA time zone such as Europe/London.{did_you_mean(name[:40], _zones())}")
        return name


class Locale(Line):
    """A language tag such as `en` or `pt-BR` (BCP 47)."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        tag = super()._deserialize(value, attr, data, **kwargs)
        if not _LOCALE.fullmatch(tag):
            raise ValidationError("Not a language tag such as en or pt-BR.")
        return tag


class OrderingKey(Line):
    """What notifications have in common that must arrive in order: 1 to 200 characters."""

    def __init__(self, **options: Any) -> None:
        described = {
            "description": "Notifications with the same key are sent one at a time, in the order accepted. One that is "
            "held as unknown holds up those behind it until it is decided.",
            "example": "booking-4711",
        }
        super().__init__(validate=validate.Length(1, 200), metadata=described, **options)


class Channel(fields.String):
    """One of the channels."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if isinstance(value, list):
            raise ValidationError("Name one channel: a chain of channels goes to one recipient at a time.")
        name = str(super()._deserialize(value, attr, data, **kwargs))
        if name not in CHANNELS:
            raise ValidationError(f"Must be one of {', '.join(CHANNELS)}.{did_you_mean(name[:40], CHANNELS)}")
        return name


class Category(Line):
    """The name of a category of messages."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        if not CATEGORY.fullmatch(name):
            raise ValidationError("Must be a name such as booking_updates: small letters, digits and _, at most 50.")
        return name


class Metadata(fields.Dict):
    """What the caller wants to find again: a flat object of strings."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, str]:
        if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
            raise ValidationError("Must be an object whose values are strings.")
        if len(value) > MAX_METADATA_KEYS:
            raise ValidationError(f"May have at most {MAX_METADATA_KEYS} keys; this has {len(value)}.")
        if len(orjson.dumps(value)) > MAX_METADATA_BYTES:
            raise ValidationError(f"May have at most {MAX_METADATA_BYTES} bytes as JSON.")
        return dict(value)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
