"""`/v1/caps`: how often a project writes to one person, at most."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields, validate

from services.gateway import examples
from services.gateway.answers import answer
from services.gateway.auth import identity
from services.gateway.bodies import json_body
from services.gateway.parts import parts
from services.gateway.routes import route
from shared.durations import distance_of
from shared.errors import InvalidInput
from shared.intake.fields import Channel
from shared.intake.problems import StrictSchema, did_you_mean, load
from shared.ledger.caps import Cap, KeptCap
from shared.ledger.person import NOBODY
from shared.messages.content import CHANNELS
from shared.messages.fields import Line

KB = 1024
KINDS = ("promotion", "transactional")
OVER = ("drop", "wait")
CAPPED = tuple(channel for channel in CHANNELS if channel not in NOBODY)
LONGEST = timedelta(days=366)
_NAME = validate.Regexp(r"[a-z0-9][a-z0-9_-]{0,62}\Z", error="Use small letters, digits, - and _: promotions-a-week.")
_DEFAULT = {"promotion": "drop"}

blueprint = Blueprint(
    "caps", __name__, url_prefix="/v1/caps", description="How often to write to one person, at most."
)  # fmt: skip


class Per(Line):
    """How long a cap's window is, e.g. `7d`."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            window = distance_of(text)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        if not timedelta(seconds=1) <= window <= LONGEST:
            raise ValidationError(f"Must be from 1s to {LONGEST.days}d.")
        return text


class CappedChannel(Channel):
    """A channel whose messages go to people."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        if name not in CAPPED:
            raise ValidationError(f"What goes by {name} goes to no person: a cap may name {', '.join(CAPPED)}.")
        return name


def _choice(*choices: str) -> Any:
    def check(value: str) -> None:
        if value not in choices:
            raise ValidationError(f"Must be one of {', '.join(choices)}.{did_you_mean(value[:40], choices)}")

    return check


class CapRequestSchema(StrictSchema):
    """How often, at most, and what it is about."""

    most = fields.Integer(
        required=True, strict=True, validate=validate.Range(1, 1000),
        metadata={"description": "Messages to one person.", "example": 3},
    )  # fmt: skip
    per = Per(required=True, metadata={"description": "In any so long: s, m, h or d.", "example": "7d"})
    kind = fields.String(
        allow_none=True, load_default=None, validate=_choice(*KINDS),
        metadata={"description": "Only what is of this kind. Codes are never counted.", "enum": [*KINDS, None]},
    )  # fmt: skip
    category = Line(
        allow_none=True, load_default=None, validate=validate.Length(1, 64),
        metadata={"description": "Only what is of this category.", "example": "newsletter"},
    )  # fmt: skip
    channels = fields.List(
        CappedChannel(metadata={"enum": list(CAPPED)}), load_default=list, validate=validate.Length(max=len(CAPPED)),
        metadata={"description": "Only what goes by these; by any when empty. Together, not each."},
    )  # fmt: skip
    over = fields.String(
        validate=_choice(*OVER),
        metadata={
            "description": "What becomes of more: `drop` it, or have it `wait` for room. By default a cap on "
            "promotions drops, and any other has them wait.",
            "enum": list(OVER),
        },
    )


class CapSchema(Schema):
    """A cap."""

    name = fields.String(required=True, metadata={"example": "promotions-a-week"})
    most = fields.Integer(required=True)
    per = fields.String(required=True)
    kind = fields.String(required=True, allow_none=True)
    category = fields.String(required=True, allow_none=True)
    channels = fields.List(fields.String(), required=True)
    over = fields.String(required=True, validate=validate.OneOf(OVER))
    created_at = fields.DateTime(required=True)


class CapListSchema(Schema):
    """A project's caps, by name: 20 at most."""

    items = fields.List(fields.Nested(CapSchema), required=True)


class CapDeletedSchema(Schema):
    """It is gone."""

    name = fields.String(required=True)
    deleted = fields.Boolean(required=True)


_REQUEST = CapRequestSchema()


@route(
    blueprint, "GET", "", scope="read", name="listCaps",
    answers=(200, CapListSchema, "The project's caps, by name."),
)  # fmt: skip
def index() -> Response:
    """The project's caps"""
    return answer({"items": [_shown(kept) for kept in parts().caps.all(identity().project_id)]})


@route(
    blueprint, "PUT", "/<name>", scope="admin", name="putCap",
    answers=(200, CapSchema, "The cap as it is from now on."),
    body={"application/json": CapRequestSchema}, about_body="16 KB.", examples=examples.CAPS,
)  # fmt: skip
def put(name: str) -> Response:
    """Make a cap, or replace the one of this name

    Noticed within a second, by what waits to be sent too. What was sent before a project's first cap is not counted.
    409 when the project has 20 others.
    """
    asked = load(_REQUEST, json_body(16 * KB))
    try:
        _NAME(name)
    except ValidationError as error:
        raise InvalidInput({"name": [str(message) for message in error.messages]}) from None
    kind = asked["kind"]
    cap = Cap(
        name, asked["most"], asked["per"], int(distance_of(asked["per"]).total_seconds()), kind, asked["category"],
        tuple(dict.fromkeys(asked["channels"])), asked.get("over") or _DEFAULT.get(kind, "wait"),
    )  # fmt: skip
    return answer(_shown(parts().caps.put(identity().project_id, cap, who=_who())))


@route(
    blueprint, "DELETE", "/<name>", scope="admin", name="deleteCap",
    answers=(200, CapDeletedSchema, "It is gone; what waits because of it goes when its time has come."),
)  # fmt: skip
def delete(name: str) -> Response:
    """Delete a cap"""
    parts().caps.remove(identity().project_id, name, who=_who())
    return answer({"name": name, "deleted": True})


def _shown(kept: KeptCap) -> dict[str, Any]:
    shown = {name: value for name, value in kept.cap._asdict().items() if name != "seconds"}
    return {**shown, "created_at": kept.created_at}


def _who() -> str:
    return f"key {identity().prefix}"
