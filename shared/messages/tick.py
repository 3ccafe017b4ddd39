"""The tick: what the broker message of a periodic job says. Which job, and for which minute."""

from datetime import UTC, datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

VERSION = 1


class TickSchema(Schema):
    """`{"v": 1, "job": "retention", "tick": "2026-03-01T03:15:00+00:00"}`. Later versions may add fields."""

    class Meta:
        unknown = EXCLUDE

    v = fields.Integer(required=True, strict=True, validate=validate.Range(1))
    job = fields.String(required=True)
    tick = fields.AwareDateTime(required=True, format="iso", default_timezone=UTC)


def tick_body(job: str, tick: datetime) -> dict[str, Any]:
    """The body for a job and the moment it was due."""
    return {"v": VERSION, "job": job, "tick": tick.astimezone(UTC).isoformat()}
