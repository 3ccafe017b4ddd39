"""`/u/{token}`: the link at the foot of a promotion, and in its header for mail programs (RFC 8058).

A POST unsubscribes at once, without login, cookie or question. A GET changes nothing: mail scanners open links.
"""

import secrets
from collections.abc import Callable
from typing import Any

import structlog
from flask import Blueprint, Response, render_template, request

from services.gateway.parts import parts
from shared.errors import LedgerUnavailable
from shared.ledger.suppressions import scope_of
from shared.templates.brand import Brand
from shared.unsubscribe import PATH, Subscription

SOURCE = "link"
"""`suppressions.source` of those who used it."""

REASON = "opt-out"
TITLES = {
    "ask": "Unsubscribe?",
    "done": "You are unsubscribed",
    "undone": "You are subscribed again",
    "later": "Please try again later",
    "broken": "This link does not work",
}
STATUSES = {"later": 503, "broken": 404}

blueprint = Blueprint("unsubscribe", __name__, url_prefix=PATH.rstrip("/"), template_folder="pages")
log = structlog.get_logger(__name__)


@blueprint.get("/<token>")
def show(token: str) -> Response:
    """What the link does, with a button that does it; or that it has been done."""
    return _answer(token, lambda _: None)


@blueprint.post("/<token>")
def unsubscribe(token: str) -> Response:
    """Unsubscribe; with `?undo`, take that back. Whatever the body says: mail programs send what RFC 8058 has them."""
    return _answer(token, _take_back if "undo" in request.args else _end)


def _end(subscription: Subscription) -> None:
    parts().suppressions.add(
        subscription.project_id, subscription.channel, subscription.target,
        scope=scope_of(subscription.channel, REASON), reason=REASON, source=SOURCE,
        delivery_id=subscription.delivery_id,
    )  # fmt: skip


def _take_back(subscription: Subscription) -> None:
    parts().suppressions.resubscribe(subscription.project_id, subscription.channel, subscription.target)


def _answer(token: str, act: Callable[[Subscription], None]) -> Response:
    links = parts().links
    subscription = links.read(token) if links else None
    if subscription is None:
        return _page("broken")
    try:
        act(subscription)
        reasons = {
            one.reason
            for one in parts().suppressions.of(subscription.project_id, subscription.channel, subscription.target)
            if not one.sender
        }
        brand = parts().identities.of(subscription.project_id).brand
    except LedgerUnavailable as error:
        log.warning("ledger unavailable", reason=str(error))
        return _page("later")
    page = "done" if reasons else "undone" if act is _take_back else "ask"
    return _page(page, brand, address=_masked(subscription.target), can_undo=reasons == {REASON})


def _page(page: str, brand: Brand | None = None, **shown: Any) -> Response:
    nonce = secrets.token_urlsafe(16)
    html = render_template(
        "unsubscribe.html", page=page, title=TITLES[page], brand=brand, look=(brand or Brand()).context, nonce=nonce,
        **shown,
    )  # fmt: skip
    policy = (
        "default-src 'none'",
        f"style-src 'nonce-{nonce}'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    headers = {
        "Content-Security-Policy": "; ".join(policy),
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
        **({"Retry-After": "60"} if page == "later" else {}),
    }
    return Response(html, STATUSES.get(page, 200), headers=headers, content_type="text/html; charset=utf-8")


def _masked(address: str) -> str:
    """An address that its owner knows again: the link may have been passed on."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}"
