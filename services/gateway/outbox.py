"""`/v1/outbox`: what channels without a provider kept instead of sending it, for people to look at."""

from dataclasses import asdict
from uuid import UUID

from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from services.gateway.answers import answer
from services.gateway.auth import identity
from services.gateway.parts import parts
from services.gateway.queries import OUTBOX_PARAMETERS, outbox_query
from services.gateway.routes import route
from shared.messages.content import CHANNELS
from shared.previews import POLICY, page
from shared.previews.kept import shown

blueprint = Blueprint(
    "outbox", __name__, url_prefix="/v1/outbox", description="Messages kept while a channel has no provider."
)


class KeptSummarySchema(Schema):
    """That a message was kept."""

    delivery_id = fields.UUID(required=True)
    notification_id = fields.UUID(required=True)
    channel = fields.String(required=True, validate=validate.OneOf(CHANNELS))
    target = fields.String(required=True)
    template = fields.String(required=True, allow_none=True, metadata={"example": "welcome@3"})
    kept_at = fields.DateTime(required=True)


class KeptPageSchema(Schema):
    """Kept messages, newest first."""

    items = fields.List(fields.Nested(KeptSummarySchema), required=True)
    next = fields.String(required=True, allow_none=True)


class KeptSchema(KeptSummarySchema):
    """A kept message. It is for people who develop: it holds what the recipient would have read, codes included."""

    message = fields.Dict(
        required=True,
        metadata={
            "description": "What a provider would have been given: `to` or `token`, `sender`, `content`.",
            "example": {"to": "+442079460018", "content": {"body": "482913 is your Lumen code."}},
        },
    )


@route(
    blueprint, "GET", "", scope="read", name="listOutbox",
    answers=(200, KeptPageSchema, "A page, newest first."), parameters=OUTBOX_PARAMETERS,
)  # fmt: skip
def index() -> Response:
    """Kept messages, newest first"""
    channel, limit, cursor = outbox_query()
    return answer(parts().outbox.page(identity().project_id, channel=channel, limit=limit, cursor=cursor))


@route(
    blueprint, "GET", "/<uuid:delivery_id>", scope="read", name="getKeptMessage",
    answers=(200, KeptSchema, "What would have been sent."),
)  # fmt: skip
def show(delivery_id: UUID) -> Response:
    """A kept message"""
    return answer(asdict(parts().outbox.one(identity().project_id, delivery_id)))


@route(
    blueprint, "GET", "/<uuid:delivery_id>/preview", scope="read", name="previewKeptMessage",
    answers=(200, None, "An HTML page without scripts."),
)  # fmt: skip
def preview(delivery_id: UUID) -> Response:
    """A kept message as its recipient would have seen it"""
    project_id = identity().project_id
    kept = parts().outbox.one(project_id, delivery_id)
    drawn = shown(
        kept.message,
        channel=kept.channel,
        at=kept.kept_at,
        product=parts().identities.of(project_id).brand.name,
        facts={"Template": kept.template or "none", "Notification": str(kept.notification_id)},
    )
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
    return Response(page([drawn], f"To {kept.target}"), headers=headers, content_type="text/html; charset=utf-8")
