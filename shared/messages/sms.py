"""What an SMS is: the content a caller or a template gives, and the message a provider sends."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, post_load, validate

MAX_CHARACTERS = 1600
"""The longest body Twilio takes (error 21617 beyond it)."""


@dataclass(frozen=True, slots=True)
class SmsContent:
    """The text of an SMS."""

    body: str


@dataclass(frozen=True, slots=True)
class SmsMessage:
    """One SMS to one number (E.164), ready for a provider. `validity` is seconds until it is worthless."""

    delivery_id: UUID
    to: str
    content: SmsContent
    sender: str | None = None
    validity: float | None = None


class SmsContentSchema(Schema):
    """The `content` of an SMS notification."""

    body = fields.String(required=True, validate=validate.Length(1, MAX_CHARACTERS))

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> SmsContent:
        return SmsContent(**data)
