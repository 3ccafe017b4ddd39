"""The road most travelled: one notification a call, answered without a framework in between.

Routing, contexts and hooks take Flask as long as all of accepting takes. A request that plainly is good is answered
here as Flask would answer it; every other, whatever is odd about it, is left to Flask, which reads it from the
beginning. What goes wrong while it is accepted is raised there too, so that errors look alike.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from time import perf_counter
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import orjson
from flask import Flask, g, request

from services.gateway import access
from services.gateway.auth import Callers
from services.gateway.availability import Availability
from services.gateway.bodies import SMALL
from services.gateway.metrics import ACCEPT_SECONDS, ACCEPTED
from services.gateway.notifications import IDEMPOTENCY_KEY_FORM
from services.gateway.parts import Parts
from shared.errors import LedgerUnavailable
from shared.intake import Receipt
from shared.ledger.keys import Identity

ROUTE = "/v1/notifications"
_RAISED = "crier.raised"
# A body with fewer is not nested too deep.
_BRACKETS = 32


@dataclass(frozen=True, slots=True)
class _Raised:
    error: Exception
    by: Identity | None = None


class Express:
    """Stands before a Flask application, whose hooks that come later need not run for what is raised here."""

    def __init__(self, app: Flask, parts: Parts, callers: Callers, ledger: Availability) -> None:
        self._flask: Callable[..., Iterable[bytes]] = app.wsgi_app
        self._intake = parts.intake
        self._callers = callers
        self._ledger = ledger
        self._seconds = ACCEPT_SECONDS.labels("one")

        @app.before_request
        def raise_what_was_raised() -> None:
            if raised := request.environ.pop(_RAISED, None):
                if raised.by:
                    g.identity = raised.by
                raise raised.error

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] == ROUTE and (identity := self._welcome(environ)) is not None:
            began = perf_counter()
            for asked in _read(environ):
                request_id = access.begin(environ.get("HTTP_X_REQUEST_ID", ""))
                try:
                    receipt = self._intake.accept(identity.project_id, asked, environ.get("HTTP_IDEMPOTENCY_KEY"))
                except Exception as error:  # noqa: BLE001  it is raised again where errors are answered
                    environ[_RAISED] = _Raised(error, identity)
                    environ["HTTP_X_REQUEST_ID"] = request_id
                else:
                    return self._answer(receipt, request_id, identity, began, start_response)
        return self._flask(environ, start_response)

    def _welcome(self, environ: "WSGIEnvironment") -> Identity | None:
        """Who sends what is plainly a request to accept one notification; None leaves it to Flask."""
        if (
            environ["REQUEST_METHOD"] != "POST"
            or environ.get("CONTENT_TYPE") != "application/json"
            or environ.get("QUERY_STRING")
            or "HTTP_CONTENT_ENCODING" in environ
            or "HTTP_TRANSFER_ENCODING" in environ
            or not environ.get("CONTENT_LENGTH", "").isdecimal()
            or not IDEMPOTENCY_KEY_FORM.fullmatch(environ.get("HTTP_IDEMPOTENCY_KEY", "-"))
            or not self._ledger.admits_all
        ):
            return None
        scheme, _, key = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme != "Bearer" or int(environ["CONTENT_LENGTH"]) > SMALL:
            return None
        try:
            identity = self._callers.who(key)
        except LedgerUnavailable as error:
            # Flask would wait for it once more.
            environ[_RAISED] = _Raised(error)
            return None
        return identity if identity and "send" in identity.scopes else None

    def _answer(
        self, receipt: Receipt, request_id: str, identity: Identity, began: float, start_response: "StartResponse"
    ) -> Iterable[bytes]:
        self._ledger.found()
        if not receipt.replayed:
            ACCEPTED.labels(receipt.channel, receipt.lane, "one").inc()
        body = orjson.dumps(receipt.to_json())
        seconds = perf_counter() - began
        self._seconds.observe(seconds)
        access.end("POST", ROUTE, 202, seconds, identity.prefix)
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Location", f"{ROUTE}/{receipt.id}"),
            *([("Idempotent-Replayed", "true")] if receipt.replayed else []),
            (access.REQUEST_ID, request_id),
            *access.HEADERS.items(),
        ]
        start_response("202 ACCEPTED", headers)
        return [body]


def _read(environ: "WSGIEnvironment") -> Iterator[Any]:
    """The JSON value of the body; nothing leaves it to Flask, which finds the body as it was."""
    promised = int(environ["CONTENT_LENGTH"])
    body = environ["wsgi.input"].read(promised)
    environ["wsgi.input"] = BytesIO(body)
    if len(body) == promised and body.count(b"{") + body.count(b"[") <= _BRACKETS:
        with suppress(orjson.JSONDecodeError):
            yield orjson.loads(body)
