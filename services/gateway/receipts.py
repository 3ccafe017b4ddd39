"""`/v1/receipts/{provider}`: where providers report. Verified, stored once, answered; the relay looks at it later.

Vendors call here and nobody else, in formats of their own, so it is not in the OpenAPI document. There is no key: each
call is signed in its provider's way, over the address it was sent to. That is CRIER_PUBLIC_URL with this path, or
without that setting the address of the request; never what a proxy says it was.
"""

import time
from collections.abc import Mapping
from typing import cast

import structlog
from flask import Blueprint, Response, request

from services.gateway.auth import PUBLIC, needs
from services.gateway.bodies import raw_body
from services.gateway.parts import parts
from services.gateway.problems import KINDS, Problem
from shared.errors import NotFound, Unavailable
from shared.receipts.port import Forged, Incoming
from shared.telemetry.metrics import RECEIPTS

MB = 1024 * 1024
LIMIT = 1 * MB
"""Bytes of a call. The largest are SendGrid's batches, of up to 768 KB:
https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook."""

blueprint = Blueprint("receipts", __name__, url_prefix="/v1/receipts")
log = structlog.get_logger(__name__)


@blueprint.post("/<provider>")
@needs(PUBLIC)
def receive(provider: str) -> Response:
    """Store what a provider reports. A 2xx says that it is in the ledger; without one the vendor repeats it."""
    source = parts().sources.get(provider)
    if source is None:
        raise NotFound("No provider of this name reports here: docs/receipts.md says what each needs.")
    body = raw_body(LIMIT)
    headers = cast(Mapping[str, str], request.headers)
    try:
        events = source.events(Incoming(_address(), headers, body, time.time()))
    except Forged as forged:
        log.warning("a receipt is not from its provider", provider=provider, reason=str(forged))
        RECEIPTS.labels(provider, "", "forged").inc()
        raise Problem("forged", KINDS["forged"][2]) from None
    except Unavailable as error:
        log.warning("a receipt cannot be verified now", provider=provider, reason=str(error))
        raise Problem("unverified", KINDS["unverified"][2], headers={"Retry-After": "5"}) from None
    new = parts().receipts.store(provider, events)
    RECEIPTS.labels(provider, "", "stored").inc(new)
    RECEIPTS.labels(provider, "", "repeated").inc(len(events) - new)
    done = Response(status=204)
    # Twilio reads what has a type as an answer to whoever wrote a message.
    del done.headers["Content-Type"]
    return done


def _address() -> str:
    public = parts().public_url
    if public is None:
        return request.url
    query = request.query_string.decode("latin-1")
    return f"{public.rstrip('/')}{request.path}{'?' + query if query else ''}"
