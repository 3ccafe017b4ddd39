"""`/v1/unknown`: deliveries of which nobody knows whether they were sent, for people to decide."""

from uuid import UUID

from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from services.gateway.answers import answer
from services.gateway.auth import identity
from services.gateway.bodies import json_body
from services.gateway.choosing import ChosenSchema, DoneSchema, chosen, matching, told
from services.gateway.dead_letters import AttemptSchema
from services.gateway.parts import parts
from services.gateway.queries import HELD_PARAMETERS, HeldFilterSchema, held_query
from services.gateway.routes import route
from shared.intake.problems import load
from shared.ledger.held import Decision, HeldFilters

KB = 1024

blueprint = Blueprint(
    "unknown", __name__, url_prefix="/v1/unknown", description="What may have been sent, and waits for a decision."
)


class HeldSchema(Schema):
    """A delivery of which nobody knows whether it was sent."""

    id = fields.UUID(required=True)
    notification_id = fields.UUID(required=True)
    queue = fields.String(required=True, metadata={"example": "sms.normal"})
    target = fields.String(required=True)
    provider = fields.String(required=True, allow_none=True)
    attempts = fields.Integer(required=True)
    started_at = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "When the call began whose end nobody saw."}
    )
    held_at = fields.DateTime(required=True)
    expires_at = fields.DateTime(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    template = fields.String(required=True, allow_none=True, metadata={"example": "welcome@3"})


class HeldPageSchema(Schema):
    """What is held, newest first."""

    items = fields.List(fields.Nested(HeldSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class FullHeldSchema(HeldSchema):
    """The same, with every call for it."""

    calls = fields.List(fields.Nested(AttemptSchema), required=True)


class DecisionSchema(ChosenSchema):
    """What is to become of which ones."""

    decision = fields.Enum(
        Decision, by_value=True, required=True,
        metadata={"description": "Send it again; or say that it was sent, or that it was not and is not to be."},
    )  # fmt: skip
    filter = fields.Nested(HeldFilterSchema)


_DECISION = DecisionSchema()
_EXAMPLES = {
    "One": {"decision": "sent", "ids": ["0198c0de-0000-7000-8000-000000000000"]},
    "How many match": {"decision": "send-again", "filter": {"channel": "sms"}, "dry_run": True},
    "Those": {"decision": "send-again", "filter": {"channel": "sms"}, "expected": 12},
}


@route(
    blueprint, "GET", "", scope="read", name="listUnknown",
    answers=(200, HeldPageSchema, "A page, newest first."), parameters=HELD_PARAMETERS,
)  # fmt: skip
def index() -> Response:
    """What waits for a decision, newest first"""
    filters, limit, cursor = held_query()
    return answer(parts().held.page(identity().project_id, filters, limit=limit, cursor=cursor))


@route(
    blueprint, "GET", "/<uuid:delivery_id>", scope="read", name="getUnknown",
    answers=(200, FullHeldSchema, "What is known of it."),
)  # fmt: skip
def show(delivery_id: UUID) -> Response:
    """A delivery that waits for a decision"""
    return answer(parts().held.one(identity().project_id, delivery_id))


@route(
    blueprint, "POST", "/decide", scope="send", name="decideUnknown",
    answers=(200, DoneSchema, "It is decided."),
    body={"application/json": DecisionSchema}, about_body="256 KB. Either `ids`, or `filter` with `expected` or `all`.",
    examples=_EXAMPLES,
)  # fmt: skip
def decide() -> Response:
    """Decide what becomes of what nobody knows

    What has expired, or whose code was wiped, cannot be sent again: it is skipped, and waits on.
    """
    asked = load(_DECISION, json_body(256 * KB))
    project_id, filters = identity().project_id, HeldFilters(**asked.get("filter", {}))
    if asked["dry_run"]:
        return matching(parts().held.count(project_id, filters))
    who = f"key {identity().prefix}"
    return told(parts().held.decide(project_id, asked["decision"], chosen(asked, filters), who))
