"""What a chat message is: the content a caller or a template gives, and the message a provider sends.

It goes to a destination, which a project registers under a name (`shared/ledger/chats.py`): where that is, and the
tokens that open it, never stand in a notification.
"""

from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, post_load, validate

from shared.messages.fields import Line

Format = Literal["text", "markdown", "html"]
Level = Literal["info", "success", "warning", "failure"]
FORMATS: tuple[Format, ...] = ("text", "markdown", "html")
LEVELS: tuple[Level, ...] = ("info", "success", "warning", "failure")
MAX_TITLE = 200
MAX_BODY = 10_000


@dataclass(frozen=True, slots=True)
class ChatContent:
    """A message in a channel.

    Parameters:
        format: how the body is written. In `text` nothing means anything but itself.
        level: what kind of news it is; services that can show it do, by a colour.
    """

    body: str
    title: str | None = None
    format: Format = "text"
    level: Level = "info"


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message to one destination, ready for a provider.

    Parameters:
        to: the destination's id. name: what its project calls it. service: what it is, `slack` for instance.
        url: where it is, with the tokens that open it: for the provider alone.
        deadline: seconds the call may take.
    """

    delivery_id: UUID
    to: str
    content: ChatContent
    name: str = ""
    service: str = ""
    url: str = field(default="", repr=False, metadata={"kept": False})
    deadline: float = 10.0


class ChatContentSchema(Schema):
    """The `content` of a chat notification."""

    title = Line(
        allow_none=True, validate=validate.Length(1, MAX_TITLE), metadata={"example": "Payments answer slowly"}
    )  # fmt: skip
    body = fields.String(
        required=True,
        validate=validate.Length(1, MAX_BODY),
        metadata={
            "description": "What a service does not take in one message is cut off, with an ellipsis. Nobody is pinged "
            "by what it says.",
            "example": "p95 is 4.2 s since 03:12.",
        },
    )
    format = fields.String(
        load_default="text",
        validate=validate.OneOf(FORMATS),
        metadata={"description": "How the body is written; each service gets it in its own way."},
    )
    level = fields.String(
        load_default="info",
        validate=validate.OneOf(LEVELS),
        metadata={"description": "What kind of news it is: a colour, where the service has one."},
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> ChatContent:
        if not data["body"].strip():
            raise ValidationError("Must say something.", "body")
        return ChatContent(**data)
