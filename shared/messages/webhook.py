"""What a webhook is: the content a caller or an event of our own gives, and the message that is sent.

The payload is that of Standard Webhooks: `type`, `timestamp`, `data`
(https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from marshmallow import Schema, ValidationError, fields, post_load, validate

from shared.messages.fields import Line

MAX_DATA = 64 * 1024
"""Bytes of `data` as JSON. Standard Webhooks recommends to stay below 20 KB."""
MAX_TYPE = 128


@dataclass(frozen=True, slots=True)
class WebhookContent:
    """What happened.

    Parameters:
        type: a dotted name, such as `order.created`.
        timestamp: when it happened, RFC 3339; None: when it was accepted.
    """

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
    timestamp: str | None = None


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """One webhook to one endpoint, ready to be sent.

    Parameters:
        to: the endpoint's id.
        body: what is posted: the same bytes at every try.
        secrets: those that sign it, newest first.
        is_failing: whether the endpoint failed the last time it was tried.
        deadline: seconds the call may take.
    """

    delivery_id: UUID
    to: str
    url: str
    content: WebhookContent
    body: bytes
    secrets: tuple[str, ...] = field(repr=False)
    is_failing: bool = False
    deadline: float = 5.0


def payload(content: WebhookContent, accepted_at: datetime) -> bytes:
    """The body of a webhook. The same content makes the same bytes."""
    timestamp = content.timestamp or accepted_at
    return orjson.dumps(
        {"type": content.type, "timestamp": timestamp, "data": content.data}, option=orjson.OPT_UTC_Z
    )  # fmt: skip


class WebhookContentSchema(Schema):
    """The `content` of a webhook. Its `timestamp` is the moment it was accepted."""

    type = Line(
        required=True,
        validate=(
            validate.Length(1, MAX_TYPE),
            validate.Regexp(
                r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*\Z",
                error="Must be a dotted name of letters, digits and _, such as order.created.",
            ),
        ),
        metadata={"example": "order.created"},
    )
    data = fields.Dict(
        keys=fields.String(),
        metadata={"description": "64 KB of JSON at most.", "type": "object", "example": {"order": "4711"}},
    )
    timestamp = Line(dump_only=True)

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Mapping[str, Any], **_: Any) -> WebhookContent:
        if len(orjson.dumps(data.get("data", {}))) > MAX_DATA:
            raise ValidationError(f"May have {MAX_DATA // 1024} KB as JSON. Send an address or an id instead.", "data")
        # Refused from callers as every field that is only dumped; kept when an event of our own is read.
        return WebhookContent(**data, timestamp=original.get("timestamp"))
