"""`/v1/webhooks`: where a project wants its webhooks, and which of our events it is told of there."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Response, request
from flask_smorest import Blueprint

from services.gateway.answers import ReceiptSchema, answer
from services.gateway.auth import identity
from services.gateway.bodies import json_body
from services.gateway.endpoint_schemas import (
    DeletedSchema,
    EndpointChangeSchema,
    EndpointListSchema,
    EndpointRequestSchema,
    EndpointSchema,
    NewEndpointSchema,
    ReplaySchema,
    RotationSchema,
    SecretSchema,
)
from services.gateway.parts import parts
from services.gateway.routes import query, route
from shared.errors import Conflict, InvalidInput
from shared.intake.fields import Moment
from shared.intake.problems import StrictSchema, load
from shared.ledger.endpoints import Endpoint

KB = 1024
TEST = "webhook.test"

blueprint = Blueprint("webhooks", __name__, url_prefix="/v1/webhooks", description="Where webhooks go.")


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
