"""A log line, a measurement and a request id for every request; nothing about people in any of them."""

import re
from time import perf_counter
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request

from services.gateway.metrics import REQUEST_SECONDS, REQUESTS

REQUEST_ID = "X-Request-Id"
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
log = structlog.get_logger("crier.access")


def log_and_measure(app: Flask) -> None:
    """Give each request an id, and say how it went."""

    @app.before_request
    def begin() -> None:
        g.began = perf_counter()
        given = request.headers.get(REQUEST_ID, "")
        g.request_id = given if _ACCEPTABLE.fullmatch(given) else uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        seconds = perf_counter() - g.began
        # The route's template and not the path: user ids and the like stay out of logs and labels.
        route = request.url_rule.rule if request.url_rule else "(none)"
        method = request.method if request.method in _METHODS else "(other)"
        identity = g.get("identity")
        log.info(
            "request", method=method, route=route, status=response.status_code, seconds=round(seconds, 4),
            key=identity.prefix if identity else None,
        )  # fmt: skip
        REQUESTS.labels(method, route, response.status_code).inc()
        REQUEST_SECONDS.labels(method, route).observe(seconds)
        response.headers[REQUEST_ID] = g.request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response
