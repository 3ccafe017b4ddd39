"""`/v1/notifications`: accept one or many, look at them, cancel and retry."""

import re
from dataclasses import asdict
from time import perf_counter
from typing import Any
from uuid import UUID

from flask import Response, request
from flask_smorest import Blueprint

from services.gateway import examples, uploads
from services.gateway.answers import (
    BulkReceiptSchema,
    CancelledSchema,
    NotificationSchema,
    PageSchema,
    ReceiptSchema,
    RetriedSchema,
    answer,
)
from services.gateway.auth import identity
from services.gateway.bodies import SMALL, json_body, too_large
from services.gateway.metrics import ACCEPT_SECONDS, ACCEPTED, REFUSED_ROWS
from services.gateway.parts import parts
from services.gateway.problems import Problem
from services.gateway.queries import LIST_PARAMETERS, list_query
from services.gateway.routes import IDEMPOTENCY_KEY, route
from shared.intake import request as wanted

MB = 1024 * 1024
WITH_ATTACHMENTS = 15 * MB
BULK = 16 * MB
IDEMPOTENCY_KEY_FORM = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,254}")

blueprint = Blueprint(
    "notifications", __name__, url_prefix="/v1/notifications", description="Send, follow, cancel and retry."
)


@route(
    blueprint, "POST", "", scope="send", name="send",
    answers=(202, ReceiptSchema, "It is in the ledger, and will be delivered."),
    body={"application/json": wanted.NotificationRequestSchema}, about_body="256 KB; 15 MB with attachments.",
    parameters=[IDEMPOTENCY_KEY], examples=examples.ONE,
)  # fmt: skip
def send() -> Response:
    """Send one notification

    Answers once the notification is durable; no provider has been called by then. A list of channels makes a chain:
    its id stands for all of it, and `channel` is the one it begins with.
    """
    began = perf_counter()
    body = json_body(WITH_ATTACHMENTS)
    if (request.content_length or 0) > SMALL and not _has_attachments(body):
        raise too_large(SMALL)
    receipt = parts().intake.accept(identity().project_id, body, idempotency_key())
    if not receipt.replayed:
        ACCEPTED.labels(receipt.channel, receipt.lane, "one").inc()
    ACCEPT_SECONDS.labels("one").observe(perf_counter() - began)
    return _accepted(receipt.to_json(), f"/v1/notifications/{receipt.id}", receipt.replayed)


def idempotency_key() -> str | None:
    """The request's Idempotency-Key; Problem when it has not the form of one."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not IDEMPOTENCY_KEY_FORM.fullmatch(key):
        problem = "Must be 1 to 255 printable ASCII characters."
        raise Problem("invalid-request", problem, [("Idempotency-Key", problem)])
    return key


def _has_attachments(body: Any) -> bool:
    content = body.get("content") if isinstance(body, dict) else None
    # That of a chain is by channel.
    each = [content, *content.values()] if isinstance(content, dict) else []
    return any(isinstance(one, dict) and bool(one.get("attachments")) for one in each)


@route(
    blueprint, "POST", "/bulk", scope="send", name="sendBulk",
    answers=(202, BulkReceiptSchema, "The good rows are in the ledger, and will be delivered."),
    body={
        "application/json": wanted.BulkRequestSchema,
        **{media_type: {"type": "string", "format": "binary"} for media_type in uploads.MEDIA_TYPES},
    },
    about_body="JSON: up to 10,000 recipients, 16 MB. A file: up to 1 GB.",
    parameters=[IDEMPOTENCY_KEY, *uploads.PARAMETERS], examples=examples.MANY,
)  # fmt: skip
def send_bulk() -> Response:
    """Send one notification to each of many recipients

    As JSON, or as an uploaded CSV or NDJSON file: then `template`, `channel` and the other fields that every row
    shares are in the query (`?template=promotion&channel=email`) or in a form's fields before its `file`.

    Good rows are accepted, bad ones reported by row and field. A file that broke off is completed by sending it again
    under the same Idempotency-Key: what is in the ledger already adds nothing.
    """
    began = perf_counter()
    project_id, key = identity().project_id, idempotency_key()
    if request.is_json:
        receipt = parts().intake.accept_many(project_id, json_body(BULK), key)
    else:
        upload = uploads.read_upload()
        receipt = parts().uploads.accept(project_id, upload.shared, upload.form, upload.file, key)
    if not receipt.replayed:
        ACCEPTED.labels(receipt.channel, receipt.lane, "bulk").inc(receipt.added)
        REFUSED_ROWS.inc(receipt.refused)
    ACCEPT_SECONDS.labels("bulk").observe(perf_counter() - began)
    return _accepted(receipt.to_json(), f"/v1/batches/{receipt.batch_id}", receipt.replayed)


def _accepted(body: Any, location: str, replayed: bool) -> Response:
    headers = {"Location": location} | ({"Idempotent-Replayed": "true"} if replayed else {})
    return answer(body, 202, headers)


@route(
    blueprint, "GET", "", scope="read", name="listNotifications",
    answers=(200, PageSchema, "A page, newest first."), parameters=LIST_PARAMETERS,
)  # fmt: skip
def index() -> Response:
    """Notifications, newest first

    A page may be shorter than `limit` and still have a `next` one: each looks at a bounded part of the history.
    """
    filters, limit, cursor = list_query()
    return answer(parts().listing.page(identity().project_id, filters, limit=limit, cursor=cursor))


@route(
    blueprint, "GET", "/<uuid:notification_id>", scope="read", name="getNotification",
    answers=(200, NotificationSchema, "As it was accepted, and what happened since."),
)  # fmt: skip
def show(notification_id: UUID) -> Response:
    """A notification with its timeline

    Of a chain: where it is, and one timeline of everything that was sent of it.
    """
    found = asdict(parts().history.one(identity().project_id, notification_id))
    # Most events have few of the fields an event can have.
    found["timeline"] = [
        {name: value for name, value in event.items() if value is not None} for event in found["timeline"]
    ]
    return answer(found)


@route(
    blueprint, "POST", "/<uuid:notification_id>/cancel", scope="send", name="cancelNotification",
    answers=(200, CancelledSchema, "What had not been started never will be."),
)  # fmt: skip
def cancel(notification_id: UUID) -> Response:
    """Cancel a notification

    Possible until the moment of sending; 409 when all of it has been started, or has ended. A chain is cancelled as a
    whole.
    """
    stopped = parts().actions.cancel(identity().project_id, notification_id, _who())
    return answer({"id": notification_id, "cancelled": stopped})


@route(
    blueprint, "POST", "/<uuid:notification_id>/retry", scope="send", name="retryNotification",
    answers=(202, RetriedSchema, "It is queued again."),
)  # fmt: skip
def retry(notification_id: UUID) -> Response:
    """Send again what failed, bounced or is held as unknown

    Of a chain: one of its notifications, as long as none has succeeded.
    """
    queues = parts().actions.retry(identity().project_id, notification_id, _who())
    for queue in queues:
        parts().ringer.ring(queue)
    return answer({"id": notification_id, "queues": queues}, 202)


def _who() -> str:
    return f"key {identity().prefix}"
