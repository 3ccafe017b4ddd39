"""Errors as problem documents (RFC 9457)."""

from http import HTTPStatus

import orjson
import structlog
from aiohttp import web

from shared.errors import CrierError, InvalidInput, LedgerUnavailable, NotFound

log = structlog.get_logger(__name__)


class Problem(Exception):
    """An error that is answered as a problem document.

    Parameters:
        retry_after: seconds.
    """

    def __init__(self, status: int, detail: str, *, retry_after: int | None = None, challenge: bool = False) -> None:
        self.status = status
        self.detail = detail
        self.headers = {
            **({"Retry-After": str(retry_after)} if retry_after else {}),
            **({"WWW-Authenticate": 'Bearer realm="crier inbox"'} if challenge else {}),
        }
        super().__init__(detail)


def respond(error: Exception) -> web.Response:
    """The answer to what went wrong."""
    problem = _problem(error)
    document = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
    }
    return web.Response(
        body=orjson.dumps(document), status=problem.status, headers=problem.headers,
        content_type="application/problem+json",
    )  # fmt: skip


def _problem(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case NotFound():
            return Problem(404, str(error))
        case InvalidInput():
            return Problem(422, str(error))
        case LedgerUnavailable():
            log.warning("ledger unavailable", reason=str(error))
            return Problem(503, "The ledger is not available. Come back after Retry-After.", retry_after=2)
        case web.HTTPException():
            return Problem(error.status, f"{error.reason}.")
        case _:
            log.error("a request failed", exc_info=error, known=isinstance(error, CrierError))
            return Problem(500, "Something is wrong in Crier; it was logged.")
