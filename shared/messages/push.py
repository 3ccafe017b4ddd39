"""What a push notification is: the content a caller or a template gives, and the message a provider sends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, post_load, validate

from shared.messages.fields import Line


@dataclass(frozen=True, slots=True)
class PushContent:
    """What the lock screen shows, and what the app gets. `link` opens when it is tapped; `badge` is a count."""

    title: str
    body: str
    image: str | None = None
    link: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)
    badge: int | None = None
    collapse_key: str | None = None


@dataclass(frozen=True, slots=True)
class PushMessage:
    """One push to one device, ready for a provider. `ttl` is seconds until it is worthless."""

    delivery_id: UUID
    token: str
    content: PushContent
    ttl: float | None = None
    urgent: bool = True


class PushContentSchema(Schema):
    """The `content` of a push notification."""

    title = Line(required=True, validate=validate.Length(1, 200))
    body = fields.String(required=True, validate=validate.Length(1, 2000))
    image = fields.Url(schemes={"https"}, allow_none=True)
    link = Line(allow_none=True, validate=validate.Length(1, 1000))
    data = fields.Dict(keys=fields.String(), values=fields.String())
    badge = fields.Integer(allow_none=True, strict=True, validate=validate.Range(0))
    collapse_key = Line(allow_none=True, validate=validate.Length(1, 64))

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> PushContent:
        return PushContent(**data)
