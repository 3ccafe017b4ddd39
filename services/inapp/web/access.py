"""Who may ask, from which pages; and a log line for each request with nothing of a person or a token in it."""

import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from aiohttp import hdrs, web

from services.inapp.web.metrics import REQUEST_SECONDS, REQUESTS
from services.inapp.web.problems import Problem, respond
from shared.inbox.tokens import Bearer, InboxTokens
from shared.telemetry.logging import log_often

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Middleware = Any

STREAM = "stream"
"""The only route that takes a token in its address: a browser's EventSource can send no header."""

OPEN = "open."
"""The routes' names that need no token begin with it."""

_BEARER = "bearer"
_ALLOWED = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
    "Access-Control-Max-Age": "7200",
}
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})


def bearer_of(request: web.Request) -> Bearer:
    """Whose token came with the request being answered."""
    found: Bearer = request[_BEARER]
    return found


def log_and_measure() -> Middleware:
    """Say how each request went; and answer errors as problem documents."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.perf_counter()
        try:
            response = await handler(request)
        except ConnectionError:
            raise  # the browser has gone: there is nobody to answer
        except Exception as error:  # noqa: BLE001  the edge: what is not known is logged where it is answered
            response = respond(error)
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "(none)"
        method = request.method if request.method in _METHODS else "(other)"
        seconds = time.perf_counter() - began
        log_often(
            "crier.inbox", "request", method=method, route=route, status=response.status, seconds=round(seconds, 4)
        )
        REQUESTS.labels(method, route, response.status).inc()
        if request.match_info.route.name != STREAM:
            REQUEST_SECONDS.labels(method, route).observe(seconds)
        return response

    return middleware


def from_pages(origins: Collection[str]) -> Middleware:
    """Answer pages of these origins and of this host, and no others."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or _is_open(request):
            return await handler(request)
        if origin not in origins and origin.partition("://")[2] != request.host:
            raise Problem(403, "Pages of this origin may not show inboxes: add it to CRIER_INAPP_ORIGINS.")
        if request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
            return web.Response(status=204, headers=_ALLOWED)
        return await handler(request)

    return middleware


def allow_origin(origins: Collection[str]) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Says in every answer, streams included, that a page of these origins may read it."""

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Cache-Control", "no-store")
        if _is_open(request):
            response.headers["Access-Control-Allow-Origin"] = "*"
            return
        response.headers["Vary"] = "Origin"
        origin = request.headers.get(hdrs.ORIGIN)
        if origin in origins:
            response.headers["Access-Control-Allow-Origin"] = str(origin)
            response.headers["Access-Control-Expose-Headers"] = "Retry-After"

    return prepare


def with_token(tokens: InboxTokens) -> Middleware:
    """Let nobody reach an inbox without a token of that inbox."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.match_info.http_exception is not None or _is_open(request):
            return await handler(request)
        bearer = tokens.read(_token(request))
        if bearer is None:
            raise Problem(401, "This token is not valid, or not any more: ask your server for another.", challenge=True)
        if bearer.user_id != request.match_info.get("user_id"):
            raise Problem(403, "This token is for another inbox.")
        request[_BEARER] = bearer
        return await handler(request)

    return middleware


def _token(request: web.Request) -> str:
    if "token" in request.query:
        if request.match_info.route.name == STREAM:
            return request.query["token"]
        raise Problem(401, "A token in an address ends up in logs: send it in the Authorization header.")
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem(401, "Send `Authorization: Bearer …` with a token of this inbox.", challenge=True)
    if token.strip().startswith("crier_"):
        raise Problem(401, "API keys are for servers, and have no place in a browser: send a token of this inbox.")
    return token.strip()


def _is_open(request: web.Request) -> bool:
    return (request.match_info.route.name or "").startswith(OPEN)
