"""What a WhatsApp message is: the content a caller or a template gives, and the message a provider sends.

WhatsApp takes free text only within 24 hours of the recipient's last message; any other time it takes a template that
Meta has approved, with variables filled in
(https://developers.facebook.com/docs/whatsapp/conversation-types, https://www.twilio.com/docs/content).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from shared.messages.fields import Line

MAX_CHARACTERS = 1600
"""The longest body Twilio takes (error 21617 beyond it)."""


@dataclass(frozen=True, slots=True)
class WhatsAppContent:
    """A text, or an approved template with its variables.

    Parameters:
        body: the text; with a template, what it comes to, for people who look at it here.
        content_sid: the approved template at Twilio, `HX…`.
        variables: what its placeholders `{{1}}`, `{{2}}` or `{{name}}` are filled with.
        media_url: https address of a picture or document sent with the text.
        template: the name of our own template this came of, by which an approved one may be configured; a variant's
            with its language, as in `booking_confirmation.pt-BR`.
    """

    body: str | None = None
    content_sid: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    media_url: str | None = None
    template: str | None = None


@dataclass(frozen=True, slots=True)
class WhatsAppMessage:
    """One message to one number (E.164), ready for a provider. `validity` is seconds until it is worthless."""

    delivery_id: UUID
    to: str
    content: WhatsAppContent
    validity: float | None = None


class WhatsAppContentSchema(Schema):
    """The `content` of a WhatsApp notification."""

    body = fields.String(allow_none=True, validate=validate.Length(1, MAX_CHARACTERS))
    content_sid = Line(
        allow_none=True,
        validate=validate.Regexp(r"HX[0-9a-fA-F]{32}\Z", error="Must be HX and 32 hexadecimal digits."),
    )
    variables = fields.Dict(
        keys=Line(validate=validate.Length(1, 64)), values=fields.String(validate=validate.Length(1, 1024))
    )
    media_url = fields.Url(schemes={"https"}, allow_none=True)
    template = Line(dump_only=True)

    @validates_schema(pass_original=True)
    def check(self, data: dict[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        if not data.get("body") and not data.get("content_sid"):
            raise ValidationError("Give body, or content_sid of an approved template.", "body")
        if data.get("variables") and not data.get("content_sid") and not original.get("template"):
            raise ValidationError("Variables belong to an approved template: give content_sid.", "variables")
        if data.get("media_url") and data.get("content_sid"):
            raise ValidationError("The approved template says which media it has: leave it out.", "media_url")

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Mapping[str, Any], **_: Any) -> WhatsAppContent:
        # Refused from callers as every field that is only dumped; kept when what was rendered elsewhere is read.
        return WhatsAppContent(**data, template=original.get("template"))
