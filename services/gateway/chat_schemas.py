"""What `/v1/chats` takes and answers."""

from marshmallow import Schema, fields, validate

from shared.chat.addresses import MAX_URL
from shared.intake.problems import StrictSchema
from shared.intake.recipient import ABOUT_CHAT_NAMES, CHAT_NAME
from shared.messages.fields import Line


def _url() -> fields.String:
    described = {
        "description": "Apprise's URL of the place, or the webhook's as its vendor shows it. It is kept encrypted, and "
        "never shown again.",
        "example": "slack://TOKEN_A/TOKEN_B/TOKEN_C",
        "writeOnly": True,
    }
    return fields.String(required=True, validate=validate.Length(1, MAX_URL), metadata=described)


class ChatRequestSchema(StrictSchema):
    """A destination to make."""

    name = Line(
        required=True,
        validate=validate.Regexp(CHAT_NAME.pattern + r"\Z", CHAT_NAME.flags, error=f"Must be {ABOUT_CHAT_NAMES}."),
        metadata={"description": "What notifications call it: `to.chat`.", "example": "ops"},
    )
    url = _url()
    description = Line(allow_none=True, validate=validate.Length(1, 200), metadata={"example": "Whoever is on call"})


class ChatChangeSchema(StrictSchema):
    """Where a destination is from now on."""

    url = _url()


class ChatSchema(Schema):
    """Where chat messages go."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    service = fields.String(required=True, metadata={"example": "slack"})
    url = fields.String(
        required=True, metadata={"description": "Without what opens it.", "example": "mmosts://chat.example.com/…"}
    )
    description = fields.String(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)


class ChatListSchema(Schema):
    """A project's destinations, by name."""

    items = fields.List(fields.Nested(ChatSchema), required=True)
