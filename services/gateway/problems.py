"""Every error as a problem document (RFC 9457): what is wrong, where, and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from typing import Any

import orjson
import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from shared.errors import Conflict, CrierError, InvalidInput, LedgerUnavailable, NotFound, TemplateError

MEDIA_TYPE = "application/problem+json"

KINDS: dict[str, tuple[int, str, str]] = {
    "malformed": (400, "The request cannot be read", "Its body is not what its headers say, or not JSON."),
    "unauthorized": (401, "An API key is needed", "Send `Authorization: Bearer crier_…`."),
    "forbidden": (403, "The key may not do this", "Keys have scopes: send, read, admin."),
    "forged": (403, "It is not known who this comes from", "Its signature is missing, wrong or too old."),
    "not-found": (404, "There is no such thing", "Nothing of this name exists in the key's project."),
    "method-not-allowed": (405, "The method is not allowed here", "The Allow header lists those that are."),
    "conflict": (409, "Its state does not allow this", "It exists, but has gone too far, or not far enough."),
    "too-large": (413, "The request is too large", "Each route has a limit; larger audiences go as an uploaded file."),
    "unsupported-media-type": (415, "The media type is not supported here", "`detail` names those that are."),
    "invalid-request": (422, "The request has mistakes", "`errors` names each field, and what would be right."),
    "invalid-template": (422, "The template has a mistake", "`errors` names the file and the line."),
    "internal-error": (500, "Something is wrong in Crier", "It was logged under the request id."),
    "unverified": (503, "Nobody can say now who this comes from", "What its signature is checked with cannot be had."),
    "busy": (503, "Too many large requests at once", "Nothing was accepted. Try again after Retry-After."),
    "broker-unavailable": (503, "The broker is not available", "Repeat the request after `Retry-After`."),
    "ledger-unavailable": (
        503,
        "The ledger is not available",
        "Repeat the request after `Retry-After`, under its `Idempotency-Key`: should it have been accepted after all, "
        "it is not accepted twice.",
    ),
}
"""Each kind of problem: its status, its title, and a line about it for the documentation."""

_OF_STATUS = {status: kind for kind, (status, _, _) in reversed(KINDS.items())}
log = structlog.get_logger(__name__)


@dataclass
class Problem(Exception):
    """An error answered as a problem document.

    Parameters:
        kind: one of `KINDS`.
        detail: a sentence about this occurrence.
        errors: (field path, what is wrong with it).
    """

    kind: str
    detail: str
    errors: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, Any] = field(default_factory=dict)


def register(app: Flask) -> None:
    """Answer every error of `app` as a problem document."""
    app.register_error_handler(Problem, respond)
    app.register_error_handler(CrierError, lambda error: respond(problem_of(error)))
    app.register_error_handler(HTTPException, respond_http)
    app.register_error_handler(Exception, _unexpected)


def respond(problem: Problem) -> Response:
    """The problem document, as a response."""
    status, title, _ = KINDS[problem.kind]
    document: dict[str, Any] = {
        "type": f"/docs/problems#{problem.kind}",
        "title": title,
        "status": status,
        "detail": problem.detail,
        "instance": request.path,
        **problem.members,
    }
    if problem.errors:
        document["errors"] = [{"field": path, "problem": what} for path, what in problem.errors]
    return Response(orjson.dumps(document), status, headers=dict(problem.headers), mimetype=MEDIA_TYPE)


def respond_http(error: HTTPException) -> Response:
    """The problem document of an error of Flask or Werkzeug, which keeps its own headers (Allow, …)."""
    status = HTTPStatus(error.code or 500)
    headers = {name: value for name, value in error.get_headers(request.environ) if name.lower() != "content-type"}
    if status < 400:  # a redirect is no error
        return Response(status=status, headers=headers)
    kind = _OF_STATUS.get(status)
    if kind is None:
        document = {"type": "about:blank", "title": status.phrase, "status": int(status), "instance": request.path}
        return Response(orjson.dumps(document), status, headers=headers, mimetype=MEDIA_TYPE)
    detail = {
        404: "There is nothing at this address. /docs lists what there is.",
        405: f"{request.method} is not among the methods of this address.",
    }.get(status, error.description or KINDS[kind][2])
    return respond(Problem(kind, detail, headers=headers))


def problem_of(error: CrierError) -> Problem:
    """What an error of ours is to a caller."""
    match error:
        case InvalidInput():
            errors = [(path, problem) for path, problems in error.fields.items() for problem in problems]
            return Problem("invalid-request", _sum(len(errors)), errors)
        case TemplateError():
            place = f"{error.file}:{error.line}" if error.file and error.line else error.file or "files"
            return Problem("invalid-template", str(error), [(place, error.reason)])
        case NotFound():
            return Problem("not-found", str(error))
        case Conflict():
            return Problem("conflict", str(error))
        case LedgerUnavailable():
            log.warning("ledger unavailable", reason=str(error))
            seconds = str(max(1, ceil(error.retry_after)))
            return Problem("ledger-unavailable", KINDS["ledger-unavailable"][2], headers={"Retry-After": seconds})
        case _:
            log.error("request failed", exc_info=error)
            return Problem("internal-error", KINDS["internal-error"][2])


def _sum(mistakes: int) -> str:
    return "1 mistake; nothing was accepted." if mistakes == 1 else f"{mistakes} mistakes; nothing was accepted."


def _unexpected(error: Exception) -> Response:
    # The outermost edge: whatever it is, the caller gets a document and we get the stack.
    log.error("request failed", exc_info=error)
    return respond(Problem("internal-error", KINDS["internal-error"][2]))
