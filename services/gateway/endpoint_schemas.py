"""What `/v1/webhooks` takes and answers."""

from marshmallow import Schema, ValidationError, fields, validate

from shared.intake.problems import StrictSchema, did_you_mean
from shared.ledger.endpoints import OVERLAP
from shared.ledger.events import EVENTS, PATTERNS
from shared.messages.fields import Line
from shared.ssrf import MAX_URL

LONGEST_OVERLAP = 30 * 86_400
_KNOWN = (*PATTERNS, *EVENTS)


def _known(pattern: str) -> None:
    if pattern not in _KNOWN:
        raise ValidationError(f"There is no such event.{did_you_mean(pattern, _KNOWN) or f' There are {_LIST}.'}")


_LIST = ", ".join(_KNOWN)
_ABOUT_EVENTS = f"What it is told of by itself: {_LIST}. Left out: nothing but what is sent to it."


def _address(*, required: bool) -> fields.String:
    described = {"description": "https, of a public address.", "example": "https://hooks.shop.example/crier"}
    return fields.String(required=required, validate=validate.Length(1, MAX_URL), metadata=described)


class EndpointRequestSchema(StrictSchema):
    """An endpoint to make."""

    url = _address(required=True)
    events = fields.List(
        Line(validate=_known, metadata={"enum": list(_KNOWN)}),
        validate=validate.Length(max=len(_KNOWN)),
        metadata={"description": _ABOUT_EVENTS, "example": ["notification.failed", "recipient.*"]},
    )
    description = Line(allow_none=True, validate=validate.Length(1, 200), metadata={"example": "The shop's backend"})


class EndpointChangeSchema(EndpointRequestSchema):
    """What is to change of an endpoint."""

    url = _address(required=False)
    enabled = fields.Boolean(
        truthy={True}, falsy={False}, metadata={"description": "False: what is sent to it fails; true: begin again."}
    )


class RotationSchema(StrictSchema):
    """How a secret is replaced."""

    overlap = fields.Integer(
        strict=True,
        load_default=int(OVERLAP),
        validate=validate.Range(0, LONGEST_OVERLAP),
        metadata={"description": "Seconds the old secret goes on signing beside the new one."},
    )


class EndpointSchema(Schema):
    """Where webhooks go."""

    id = fields.UUID(required=True)
    url = fields.String(required=True)
    events = fields.List(fields.String(), required=True)
    description = fields.String(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    failing_since = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "Its first failure since it last worked."}
    )
    disabled_at = fields.DateTime(required=True, allow_none=True)
    disabled_reason = fields.String(required=True, allow_none=True)


class NewEndpointSchema(EndpointSchema):
    """An endpoint with its secret, which is shown this once."""

    secret = fields.String(required=True, metadata={"example": "whsec_…"})


class EndpointListSchema(Schema):
    """A project's endpoints, oldest first."""

    items = fields.List(fields.Nested(EndpointSchema), required=True)


class DeletedSchema(Schema):
    """It is gone."""

    id = fields.UUID(required=True)
    deleted = fields.Boolean(required=True)


class SecretSchema(Schema):
    """The new secret, which is shown this once. Those before it sign too until `old_until`."""

    id = fields.UUID(required=True)
    secret = fields.String(required=True)
    old_until = fields.DateTime(required=True)


class ReplaySchema(Schema):
    """How many deliveries are queued again; `more`: do it again for the rest."""

    queued = fields.Integer(required=True)
    more = fields.Boolean(required=True)
