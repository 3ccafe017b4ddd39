"""`/v1/webhooks`: where a project wants its webhooks, and which of our events it is told of there."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Response, request
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields, validate

from services.gateway.answers import ReceiptSchema, answer
from services.gateway.auth import identity
from services.gateway.bodies import json_body
from services.gateway.parts import parts
from services.gateway.routes import query, route
from shared.errors import Conflict, InvalidInput
from shared.intake.fields import Moment
from shared.intake.problems import StrictSchema, did_you_mean, load
from shared.ledger.endpoints import OVERLAP, Endpoint
from shared.ledger.events import EVENTS, PATTERNS
from shared.messages.fields import Line
from shared.ssrf import MAX_URL

KB = 1024
TEST = "webhook.test"
LONGEST_OVERLAP = 30 * 86_400
_KNOWN = (*PATTERNS, *EVENTS)

blueprint = Blueprint("webhooks", __name__, url_prefix="/v1/webhooks", description="Where webhooks go.")


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


class _SinceSchema(StrictSchema):
    since = Moment(required=True)


_NEW, _CHANGE, _ROTATION, _SINCE = EndpointRequestSchema(), EndpointChangeSchema(), RotationSchema(), _SinceSchema()


@route(
    blueprint, "POST", "", scope="admin", name="createEndpoint",
    answers=(201, NewEndpointSchema, "The endpoint and its secret."),
    body={"application/json": EndpointRequestSchema}, about_body="16 KB.",
)  # fmt: skip
def create() -> Response:
    """Make an endpoint

    What is sent there is signed as Standard Webhooks says, with the secret that is shown this once.
    """
    asked = load(_NEW, json_body(16 * KB))
    made, secret = parts().endpoints.create(
        identity().project_id, _url(asked["url"]), _events(asked), asked.get("description"), who=_who()
    )
    return answer({**_shown(made), "secret": secret}, 201, {"Location": f"/v1/webhooks/{made.id}"})


@route(
    blueprint, "GET", "", scope="read", name="listEndpoints",
    answers=(200, EndpointListSchema, "The project's endpoints."),
)  # fmt: skip
def list_endpoints() -> Response:
    """The project's endpoints"""
    return answer({"items": [_shown(one) for one in parts().endpoints.of(identity().project_id)]})


@route(
    blueprint, "GET", "/<uuid:endpoint_id>", scope="read", name="getEndpoint",
    answers=(200, EndpointSchema, "The endpoint."),
)  # fmt: skip
def show(endpoint_id: UUID) -> Response:
    """An endpoint"""
    return answer(_shown(parts().endpoints.get(identity().project_id, endpoint_id)))


@route(
    blueprint, "PATCH", "/<uuid:endpoint_id>", scope="admin", name="changeEndpoint",
    answers=(200, EndpointSchema, "The endpoint as it is now."),
    body={"application/json": EndpointChangeSchema}, about_body="16 KB. What is left out stays.",
)  # fmt: skip
def change(endpoint_id: UUID) -> Response:
    """Change an endpoint, disable it or enable it again"""
    asked, project_id = load(_CHANGE, json_body(16 * KB)), identity().project_id
    was = parts().endpoints.get(project_id, endpoint_id)
    changed = parts().endpoints.change(
        project_id,
        endpoint_id,
        url=_url(asked["url"]) if "url" in asked else was.url,
        events=_events(asked) if "events" in asked else was.events,
        description=asked.get("description", was.description),
        enabled=asked.get("enabled"),
        who=_who(),
    )
    return answer(_shown(changed))


@route(
    blueprint, "DELETE", "/<uuid:endpoint_id>", scope="admin", name="deleteEndpoint",
    answers=(200, DeletedSchema, "It is gone; what still waits for it fails."),
)  # fmt: skip
def delete(endpoint_id: UUID) -> Response:
    """Delete an endpoint"""
    parts().endpoints.remove(identity().project_id, endpoint_id, who=_who())
    return answer({"id": endpoint_id, "deleted": True})


@route(
    blueprint, "POST", "/<uuid:endpoint_id>/rotate", scope="admin", name="rotateEndpointSecret",
    answers=(200, SecretSchema, "The new secret."),
    body={"application/json": RotationSchema}, about_body="An empty object: the old secret signs for a day yet.",
)  # fmt: skip
def rotate(endpoint_id: UUID) -> Response:
    """Replace the secret

    In the overlap each webhook has two signatures, so that the receiver can change when it likes.
    """
    overlap, now = load(_ROTATION, json_body(16 * KB))["overlap"], datetime.now(UTC)
    secret = parts().endpoints.rotate(identity().project_id, endpoint_id, now=now, overlap=overlap, who=_who())
    return answer({"id": endpoint_id, "secret": secret, "old_until": now + timedelta(seconds=overlap)})


@route(
    blueprint, "POST", "/<uuid:endpoint_id>/test", scope="admin", name="testEndpoint",
    answers=(202, ReceiptSchema, "A webhook of the type `webhook.test` is on its way."),
)  # fmt: skip
def test(endpoint_id: UUID) -> Response:
    """Send a test

    What becomes of it is in the timeline of the notification that is answered.
    """
    _must_be_enabled(parts().endpoints.get(identity().project_id, endpoint_id))
    content = {"type": TEST, "data": {"endpoint": str(endpoint_id), "message": "It works."}}
    asked = {"channel": "webhook", "to": {"endpoint": str(endpoint_id)}, "content": content}
    receipt = parts().intake.accept(identity().project_id, asked)
    return answer(receipt.to_json(), 202, {"Location": f"/v1/notifications/{receipt.id}"})


@route(
    blueprint, "POST", "/<uuid:endpoint_id>/replay", scope="admin", name="replayEndpoint",
    answers=(202, ReplaySchema, "They are queued again, with the ids they had."),
    parameters=[
        query("since", "What was accepted at or after this moment.", format="date-time") | {"required": True}
    ],
)  # fmt: skip
def replay(endpoint_id: UUID) -> Response:
    """Send again what failed

    Oldest first, a thousand at most. Receivers tell by `webhook-id` what they have had.
    """
    since = load(_SINCE, request.args.to_dict())["since"]
    done = parts().endpoints.replay(identity().project_id, endpoint_id, since=since, who=_who())
    for queue in done.queues:
        parts().ringer.ring(queue)
    return answer({"queued": done.replayed, "more": done.more}, 202)


def _url(given: str) -> str:
    try:
        url = parts().reach.url(given)
        parts().reach.look(url)
    except ValueError as error:
        raise InvalidInput({"url": [str(error)]}) from None
    return url


def _events(asked: Mapping[str, Any]) -> Sequence[str]:
    return list(dict.fromkeys(asked.get("events", ())))


def _must_be_enabled(endpoint: Endpoint) -> None:
    if endpoint.disabled_at is not None:
        raise Conflict(f"The endpoint is disabled. {endpoint.disabled_reason} PATCH it with enabled true first.")


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    shown = asdict(endpoint)
    del shown["project_id"]
    return shown


def _who() -> str:
    return f"key {identity().prefix}"
