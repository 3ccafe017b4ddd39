"""A log line, a measurement and a request id for every request; nothing about people in any of them."""

import re
from functools import cache
from time import perf_counter
from typing import Any

import structlog
from flask import Flask, Response, g, request
from uuid_utils import uuid4

from services.gateway.metrics import REQUEST_SECONDS, REQUESTS
from shared.telemetry.logging import log_often

REQUEST_ID = "X-Request-Id"
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
"""What every answer has, unless it says otherwise."""

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def begin(given: str) -> str:
    """The id of the request that begins, by which everything logged meanwhile can be found.

    Parameters:
        given: the id that the caller has for it; another is made in place of an odd one.
    """
    # Not the standard library's uuid4: it asks the system each time, and another thread has its turn meanwhile.
    request_id = given if _ACCEPTABLE.fullmatch(given) else uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id


def end(method: str, route: str, status: int, seconds: float, key: str | None) -> None:
    """Log and measure the request that was answered.

    Parameters:
        route: its template and not the path: user ids and the like stay out of logs and labels.
        key: the prefix of the caller's key.
    """
    log_often(
        "crier.access", "request", method=method, route=route, status=status, seconds=round(seconds, 4), key=key
    )  # fmt: skip
    _requests(method, route, status).inc()
    _request_seconds(method, route).observe(seconds)


def log_and_measure(app: Flask) -> None:
    """Give each request an id, and say how it went."""

    @app.before_request
    def note_the_beginning() -> None:
        g.began = perf_counter()
        g.request_id = begin(request.headers.get(REQUEST_ID, ""))

    @app.after_request
    def note_the_end(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "(none)"
        method = request.method if request.method in _METHODS else "(other)"
        identity = g.get("identity")
        seconds = perf_counter() - g.began
        end(method, route, response.status_code, seconds, identity.prefix if identity else None)
        response.headers[REQUEST_ID] = g.request_id
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


# prometheus-client looks a child up under a lock, by its labels as text.
@cache
def _requests(method: str, route: str, status: int) -> Any:
    return REQUESTS.labels(method, route, status)


@cache
def _request_seconds(method: str, route: str) -> Any:
    return REQUEST_SECONDS.labels(method, route)
