"""`/v1/suppressions`: whom a project does not write to, and why."""

from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields, validate

from services.gateway.answers import answer
from services.gateway.auth import identity
from services.gateway.bodies import json_body
from services.gateway.parts import parts
from services.gateway.queries import (
    SUPPRESSIBLE,
    SUPPRESSION_PARAMETERS,
    SUPPRESSIONS_PARAMETERS,
    Suppressible,
    suppression_query,
    suppressions_query,
)
from services.gateway.routes import route
from shared.errors import InvalidInput, NotFound
from shared.intake.problems import StrictSchema, load
from shared.ledger.suppressions import OF_CATEGORY, REASONS, SCOPES
from shared.messages.fields import Line, e164, normal_email
from shared.templates.manifest import CATEGORY

KB = 1024

blueprint = Blueprint(
    "suppressions", __name__, url_prefix="/v1/suppressions",
    description="Whom not to write to: bounces, complaints, and wishes not to be written to.",
)  # fmt: skip


class SuppressionSchema(Schema):
    """That a target is not written to."""

    channel = fields.String(required=True, validate=validate.OneOf(SUPPRESSIBLE))
    target = fields.String(required=True, metadata={"description": "The address, number or token, in lower case."})
    scope = fields.String(
        required=True, metadata={"description": "`everything`, `promotions`, or `category:` and its name."}
    )
    sender = fields.String(
        required=True, metadata={"description": "By this sender of yours only; empty: by nobody of the project."}
    )
    reason = fields.String(required=True, validate=validate.OneOf(REASONS))
    source = fields.String(
        required=True, metadata={"description": "Who said so: a provider, `link`, or a key.", "example": "sendgrid"}
    )
    delivery_id = fields.UUID(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)


class SuppressionPageSchema(Schema):
    """Suppressions, newest first."""

    items = fields.List(fields.Nested(SuppressionSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class SuppressionListSchema(Schema):
    """What is known against writing to one target."""

    items = fields.List(fields.Nested(SuppressionSchema), required=True)


def _scope(scope: str) -> None:
    if scope not in SCOPES and not CATEGORY.fullmatch(scope.removeprefix(OF_CATEGORY)):
        raise ValidationError(f"Must be one of {', '.join(SCOPES)}, or {OF_CATEGORY} and the name of one.")
    if scope not in SCOPES and not scope.startswith(OF_CATEGORY):
        raise ValidationError(f"Must be one of {', '.join(SCOPES)}, or {OF_CATEGORY}{scope} if you mean a category.")


class SuppressionRequestSchema(StrictSchema):
    """Whom not to write to from now on."""

    channel = Suppressible(required=True, metadata={"enum": list(SUPPRESSIBLE), "example": "email"})
    target = Line(
        required=True, validate=validate.Length(1, 4096),
        metadata={"description": "The address, number or device token.", "example": "ada@example.com"},
    )  # fmt: skip
    scope = fields.String(
        load_default="everything",
        validate=_scope,
        metadata={
            "description": "Everything, promotions only, or what is of a category: `category:newsletter`.",
            "pattern": f"^({'|'.join(SCOPES)}|{OF_CATEGORY}{CATEGORY.pattern})$",
        },
    )


_REQUEST = SuppressionRequestSchema()


@route(
    blueprint, "GET", "", scope="read", name="listSuppressions",
    answers=(200, SuppressionPageSchema, "A page, newest first."),
    parameters=SUPPRESSIONS_PARAMETERS,
)  # fmt: skip
def index() -> Response:
    """Whom the project does not write to, newest first"""
    return answer(parts().suppressions.page(identity().project_id, **suppressions_query()))


@route(
    blueprint, "POST", "", scope="send", name="addSuppression",
    answers=(200, SuppressionListSchema, "What is known against writing to this target."),
    body={"application/json": SuppressionRequestSchema}, about_body="16 KB.",
)  # fmt: skip
def add() -> Response:
    """Do not write to somebody any more

    Noticed at once, also by what waits to be sent. It stays until you remove it, whatever the person does.
    """
    wanted = load(_REQUEST, json_body(16 * KB))
    target = _normal(wanted["channel"], wanted["target"])
    parts().suppressions.add(
        identity().project_id, wanted["channel"], target, scope=wanted["scope"], reason="manual",
        source=f"key {identity().prefix}",
    )  # fmt: skip
    return _of(wanted["channel"], target)


@route(
    blueprint, "DELETE", "", scope="send", name="removeSuppression",
    answers=(200, SuppressionListSchema, "What was known against writing to this target, and is forgotten."),
    parameters=SUPPRESSION_PARAMETERS,
)  # fmt: skip
def remove() -> Response:
    """Write to somebody again

    Make sure that you may: who complained, or asked not to be written to, has to want it.
    """
    channel, target = suppression_query()
    removed = _of(channel, target)
    if not parts().suppressions.remove(identity().project_id, channel, target):
        raise NotFound(f"Nothing is known against writing to this target by {channel}.")
    return removed


def _of(channel: str, target: str) -> Response:
    return answer({"items": parts().suppressions.of(identity().project_id, channel, target)})


def _normal(channel: str, target: str) -> str:
    """A target as the ledger writes it."""
    normalise = {"email": normal_email, "sms": e164, "whatsapp": e164}.get(channel, str)
    try:
        return normalise(target)
    except ValidationError as error:
        raise InvalidInput({"target": [str(message) for message in error.messages]}) from None
