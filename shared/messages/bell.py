"""The bell: the only thing a delivery lane's broker message says. Someone is waiting; never who or what."""

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

VERSION = 1


class BellSchema(Schema):
    """`{"v": 1, "lane": "sms.normal"}`. Later versions may add fields; this one passes over them."""

    class Meta:
        unknown = EXCLUDE

    v = fields.Integer(required=True, strict=True, validate=validate.Range(1))
    lane = fields.String(required=True)


def bell(queue: str) -> dict[str, Any]:
    """The bell of a queue."""
    return {"v": VERSION, "lane": queue}
