"""Answers: JSON by orjson, and the schemas that document it."""

from collections.abc import Mapping
from typing import Any

import orjson
from flask import Response
from marshmallow import Schema, fields, validate

from shared.ledger.chain_rules import GOALS
from shared.ledger.states import State
from shared.messages.content import CHANNELS, LANES


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`value` as JSON. Dataclasses, UUIDs and moments are written as they are."""
    return Response(orjson.dumps(value), status, headers=dict(headers or {}), mimetype="application/json")


_STATE = fields.String(validate=validate.OneOf([str(state) for state in State]))


class ReceiptSchema(Schema):
    """A notification was accepted: it is in the ledger, and will be delivered."""

    id = fields.UUID(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["queued", "scheduled", "suppressed"]))
    channel = fields.String(required=True, validate=validate.OneOf(CHANNELS))
    lane = fields.String(required=True, validate=validate.OneOf(LANES))
    collected = fields.Integer(
        metadata={"description": "Of a digest: how many requests it has collected, this one included."}
    )


class RowErrorSchema(Schema):
    """Why a row was refused."""

    row = fields.Integer(
        required=True,
        metadata={"description": "In a list the position, from 1; in a file the line (the CSV header is line 1)."},
    )
    field = fields.String(required=True, metadata={"example": "to.email"})
    problem = fields.String(required=True)


class BulkReceiptSchema(Schema):
    """Many notifications were accepted. `errors` has the first 100 refused rows; the batch has them all."""

    batch_id = fields.UUID(required=True)
    channel = fields.String(required=True, validate=validate.OneOf(CHANNELS))
    lane = fields.String(required=True, validate=validate.OneOf(LANES))
    accepted = fields.Integer(required=True)
    refused = fields.Integer(required=True)
    complete = fields.Boolean(
        required=True, metadata={"description": "False when the file could not be read to its end."}
    )
    errors = fields.List(fields.Nested(RowErrorSchema), required=True)


class DeliverySchema(Schema):
    """One target of a notification."""

    id = fields.UUID(required=True)
    state = _STATE
    target = fields.String(required=True, metadata={"description": "The address, number or device token."})
    provider = fields.String(allow_none=True)
    attempts = fields.Integer(required=True)
    next_at = fields.DateTime(allow_none=True)
    started_at = fields.DateTime(allow_none=True)
    settled_at = fields.DateTime(allow_none=True)
    held_at = fields.DateTime(
        allow_none=True, metadata={"description": "Since when it waits for a person: nobody knows whether it was sent."}
    )
    reason = fields.String(allow_none=True)


class EventSchema(Schema):
    """An entry of the timeline."""

    at = fields.DateTime(required=True)
    what = fields.String(required=True, metadata={"example": "attempt"})
    delivery_id = fields.UUID(allow_none=True)
    provider = fields.String(allow_none=True)
    outcome = fields.String(allow_none=True)
    code = fields.String(allow_none=True)
    detail = fields.String(allow_none=True)
    reference = fields.String(allow_none=True, metadata={"description": "The provider's own id."})
    started_at = fields.DateTime(allow_none=True)
    who = fields.String(allow_none=True)


class ChainStepSchema(Schema):
    """A step of a chain."""

    channel = fields.String(required=True, validate=validate.OneOf(CHANNELS))
    notification_id = fields.UUID(required=True, allow_none=True)
    state = fields.String(
        required=True,
        metadata={
            "description": "That of its notification; or `waiting`, `skipped`, `not needed`, `removed`.",
            "example": "waiting",
        },
    )
    began_at = fields.DateTime(required=True, allow_none=True)
    fallback_after = fields.String(required=True, metadata={"example": "10m"})
    why = fields.String(
        required=True, allow_none=True, metadata={"description": "It was not enough, or was passed over."}
    )


class ChainSchema(Schema):
    """Where a chain is."""

    state = fields.String(
        required=True, validate=validate.OneOf(["active", "succeeded", "exhausted", "cancelled", "expired"])
    )
    until = fields.String(required=True, validate=validate.OneOf(GOALS))
    by = fields.String(
        required=True, allow_none=True, metadata={"description": "The channel it has succeeded by.", "example": "sms"}
    )
    next_at = fields.DateTime(
        required=True,
        allow_none=True,
        metadata={"description": "When the next step begins, if nothing happens before."},
    )
    ended_at = fields.DateTime(required=True, allow_none=True)
    steps = fields.List(fields.Nested(ChainStepSchema), required=True)


class SummarySchema(Schema):
    """A notification as a list shows it."""

    id = fields.UUID(required=True)
    state = _STATE
    channel = fields.String(required=True)
    lane = fields.String(required=True)
    kind = fields.String(required=True)
    template = fields.String(allow_none=True, metadata={"example": "welcome@3"})
    batch_id = fields.UUID(allow_none=True)
    row_number = fields.Integer(allow_none=True)
    recipient = fields.Dict(required=True)
    metadata = fields.Dict(allow_none=True)
    send_at = fields.DateTime(allow_none=True)
    expires_at = fields.DateTime(allow_none=True)
    on_unknown = fields.String(required=True)
    ordering_key = fields.String(allow_none=True)
    category = fields.String(allow_none=True, metadata={"example": "booking_updates"})
    chain_id = fields.UUID(allow_none=True, metadata={"description": "The chain it is a step of."})
    accepted_at = fields.DateTime(required=True)


class DigestStateSchema(Schema):
    """What a digest has collected."""

    collected = fields.Integer(required=True, metadata={"description": "Requests."})
    closes_at = fields.DateTime(required=True)
    closed_at = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "Since when it collects no more."}
    )


class NotificationSchema(SummarySchema):
    """A notification with its deliveries and timeline, or a chain with those of all its steps.

    Secret variables are never shown.
    """

    data = fields.Dict(allow_none=True)
    content = fields.Dict(allow_none=True)
    chain = fields.Nested(ChainSchema, allow_none=True, metadata={"description": "Where it is, where it is a chain."})
    digest = fields.Nested(
        DigestStateSchema, required=True, allow_none=True, metadata={"description": "Where it collects."}
    )
    deliveries = fields.List(fields.Nested(DeliverySchema), required=True)
    timeline = fields.List(fields.Nested(EventSchema), required=True)


class PageSchema(Schema):
    """Notifications, newest first. `next` is the cursor of the page that follows; null at the end."""

    items = fields.List(fields.Nested(SummarySchema), required=True)
    next = fields.String(required=True, allow_none=True)


class CancelledSchema(Schema):
    """How many deliveries were stopped; of a chain, steps that had not begun among them."""

    id = fields.UUID(required=True)
    cancelled = fields.Integer(required=True)


class RetriedSchema(Schema):
    """Where it waits again."""

    id = fields.UUID(required=True)
    queues = fields.List(fields.String(), required=True)
