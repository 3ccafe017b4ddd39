"""`/u/{token}`: the link in a mail, or given to a person, by which they say what they want; without login or cookie.

A POST unsubscribes at once, as mail programs do it (RFC 8058): from the category the mail was of, else from promotions.
A GET changes nothing, as mail scanners open links: it shows the project's categories to choose among, where it has any.
"""

import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import structlog
from flask import Blueprint, Response, render_template, request

from services.gateway.bodies import raw_body
from services.gateway.page_words import direction_of, language_for, speaker
from services.gateway.parts import parts
from shared.errors import LedgerUnavailable
from shared.ledger.categories import Category
from shared.ledger.opt_outs import REASON, Choice, Chooser
from shared.templates.brand import Brand
from shared.unsubscribe import PATH, Subscription

SOURCE = "link"
"""`suppressions.source`, and `preferences.source`, of those who used it."""

STATUSES = {"later": 503, "broken": 404}
OTHERS = "other"
"""What promotions of no category are called in the form."""

_LARGEST = 16 * 1024

blueprint = Blueprint("unsubscribe", __name__, url_prefix=PATH.rstrip("/"), template_folder="pages")
log = structlog.get_logger(__name__)


@blueprint.get("/<token>")
def show(token: str) -> Response:
    """What the link is for, with what holds; nothing is changed."""
    return _answer(token, None)


@blueprint.post("/<token>")
def change(token: str) -> Response:
    """Unsubscribe, whatever the body says: mail programs send what RFC 8058 has them.

    With `?undo`, take that back; with `?choose`, note what the form says.
    """
    return _answer(token, _choose if "choose" in request.args else _take_back if "undo" in request.args else _end)


def _end(subscription: Subscription) -> None:
    if subscription.target:
        parts().opt_outs.end(_chooser(subscription), subscription.category, source=SOURCE)


def _take_back(subscription: Subscription) -> None:
    if subscription.target:
        parts().opt_outs.take_back(_chooser(subscription), subscription.category, source=SOURCE)


def _choose(subscription: Subscription) -> None:
    form = parse_qs(raw_body(_LARGEST).decode("ascii", "replace"))
    wanted = set() if "none" in form else set(form.get("want", ()))
    chooser = _chooser(subscription)
    names = [one.category.name if one.category else "" for one in _offered(subscription)]
    parts().opt_outs.choose(chooser, {name: (name or OTHERS) in wanted for name in names}, source=SOURCE)


def _answer(token: str, act: Callable[[Subscription], None] | None) -> Response:
    links = parts().links
    subscription = links.read(token) if links else None
    if subscription is None:
        return _page("broken")
    try:
        if act is not None:
            act(subscription)
        brand = parts().identities.of(subscription.project_id).brand
        return _shown(subscription, brand, act)
    except LedgerUnavailable as error:
        log.warning("ledger unavailable", reason=str(error))
        return _page("later")


def _shown(subscription: Subscription, brand: Brand, act: Callable[[Subscription], None] | None) -> Response:
    known = (
        [
            one
            for one in parts().suppressions.of(subscription.project_id, subscription.channel, subscription.target)
            if not one.sender
        ]
        if subscription.target
        else []
    )
    shown = {"address": _masked(subscription.target), "locale": subscription.locale}
    choices = _offered(subscription)
    if any(one.category for one in choices) and not any(one.scope == "everything" for one in known):
        mine = next((one for one in choices if one.category and _is_about(subscription, one.category)), None)
        just = "saved" if act is _choose else "ended" if act is _end else "undone" if act is _take_back else None
        return _page("choose", brand, choices=choices, mine=mine, just=just, others=OTHERS, **shown)
    mine_scopes = {"everything", "promotions", f"category:{subscription.category or ''}"}
    reasons = {one.reason for one in known if one.scope in mine_scopes}
    page = "done" if reasons else "undone" if act is _take_back else "ask"
    return _page(page, brand, can_undo=reasons == {REASON}, **shown)


def _is_about(subscription: Subscription, category: Category) -> bool:
    return category.name == subscription.category and not category.required


def _offered(subscription: Subscription) -> list[Choice]:
    """What they may choose among; promotions of no category only by mail, which is where they have an address."""
    found = parts().opt_outs.choices(_chooser(subscription))
    return [one for one in found if one.category or subscription.target]


def _chooser(subscription: Subscription) -> Chooser:
    return Chooser(
        subscription.project_id, subscription.channel, subscription.target, subscription.user_id,
        subscription.delivery_id,
    )  # fmt: skip


def _page(page: str, brand: Brand | None = None, *, locale: str | None = None, **shown: Any) -> Response:
    nonce = secrets.token_urlsafe(16)
    language = language_for(locale, brand.locale if brand else None)
    html = render_template(
        "unsubscribe.html", page=page, brand=brand, look=(brand or Brand()).context, nonce=nonce, language=language,
        direction=direction_of(language), say=speaker(language), **shown,
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
    return f"{local[:1]}•••@{domain}" if address else ""
