"""The content of each channel, by the channel's name: the one table that says which channels exist."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from marshmallow import Schema

from shared.messages.chat import ChatContent, ChatContentSchema
from shared.messages.email import EmailContent, EmailContentSchema
from shared.messages.inapp import InAppContent, InAppContentSchema
from shared.messages.push import PushContent, PushContentSchema
from shared.messages.sms import SmsContent, SmsContentSchema
from shared.messages.webhook import WebhookContent, WebhookContentSchema
from shared.messages.whatsapp import WhatsAppContent, WhatsAppContentSchema

Content = EmailContent | SmsContent | WhatsAppContent | PushContent | InAppContent | WebhookContent | ChatContent

CONTENT_SCHEMAS: dict[str, type[Schema]] = {
    "email": EmailContentSchema,
    "sms": SmsContentSchema,
    "whatsapp": WhatsAppContentSchema,
    "push": PushContentSchema,
    "inapp": InAppContentSchema,
    "webhook": WebhookContentSchema,
    "chat": ChatContentSchema,
}
CHANNELS = tuple(CONTENT_SCHEMAS)
LANES = ("critical", "normal", "bulk")


@cache
def _schema(channel: str, unknown: Literal["raise", "exclude"]) -> Schema:
    return CONTENT_SCHEMAS[channel](unknown=unknown)


def load_content(channel: str, data: Mapping[str, Any]) -> Content:
    """Check what a caller sent. Unknown fields are refused; raises `marshmallow.ValidationError`."""
    content: Content = _schema(channel, "raise").load(data)
    return content


def read_content(channel: str, data: Mapping[str, Any]) -> Content:
    """Read what another process stored, perhaps one version ahead: unknown fields are passed over."""
    content: Content = _schema(channel, "exclude").load(data)
    return content


def dump_content(channel: str, content: Content) -> dict[str, Any]:
    """The JSON form of `content`, without what is empty."""
    return {k: v for k, v in _schema(channel, "raise").dump(content).items() if v not in (None, [], {})}
