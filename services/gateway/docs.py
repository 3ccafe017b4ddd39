"""`/docs`: the OpenAPI document to read and to try, served from here alone: no CDN, no inline script."""

import re
from html import escape
from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, send_from_directory
from werkzeug.exceptions import NotFound

from services.gateway.problems import KINDS

_PAGES = Path(__file__).parent / "pages"
_SWAGGER_UI = Path(flask_swagger_ui.__file__).parent / "dist"
_ASSETS = {
    "docs.css": _PAGES,
    "docs.js": _PAGES,
    "icon.svg": _PAGES,
    "swagger-ui.css": _SWAGGER_UI,
    "swagger-ui-bundle.js": _SWAGGER_UI,
}
# Swagger UI sets style attributes on what it draws and has its icons in data: URLs; scripts are files of ours only.
POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data:",
    "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
))  # fmt: skip
_HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
_BROWSER_CACHE = 3600

blueprint = Blueprint("docs", __name__, url_prefix="/docs")


@blueprint.get("")
def browser() -> Response:
    """The API, to read and to try."""
    return _page((_PAGES / "docs.html").read_text("utf-8"))


@blueprint.get("/problems")
def kinds() -> Response:
    """What each type of problem document means: the `type` of a problem leads here."""
    listed = "\n".join(
        f'<dt id="{kind}"><code>{kind}</code> <b>{status}</b></dt><dd>{escape(title)}. {_with_code(about)}</dd>'
        for kind, (status, title, about) in sorted(KINDS.items(), key=lambda item: item[1][0])
    )
    return _page((_PAGES / "problems.html").read_text("utf-8").replace("<!-- kinds -->", listed))


@blueprint.get("/assets/<name>")
def asset(name: str) -> Response:
    """A file that the pages use."""
    if name not in _ASSETS:
        raise NotFound
    return send_from_directory(_ASSETS[name], name, max_age=_BROWSER_CACHE)


def _with_code(text: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _page(html: str) -> Response:
    return Response(html, headers=_HEADERS, content_type="text/html; charset=utf-8")
