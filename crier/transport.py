"""Requests to a gateway: authorised, repeated where that is safe, and every error as one of ours."""

import platform
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse
from urllib3.util.retry import Retry

from crier.access import Access
from crier.errors import ApiProblem, GatewayUnreachable

LONGEST_PAUSE = 30.0
"""Seconds: the most a `Retry-After` is waited for."""

CONNECT_TIMEOUT = 3.05
FILE_TIMEOUT = 300.0
"""Seconds for each step with a file: the gateway reads on only when the rows before are committed, and answers when all
are. As urllib3 has the timeout of connecting for sending too, it is both."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class BoundedRetry(Retry):
    """urllib3's retries, not waiting for ever because a server says so."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Seconds the answer asks to wait, bounded."""
        pause = super().get_retry_after(response)
        return None if pause is None else min(pause, LONGEST_PAUSE)


class Transport:
    """HTTP to one gateway over one session.

    Parameters:
        timeout: seconds to wait for each part of an answer.
        retries: repetitions after a failed connection, a connection that broke or a 503.
    """

    def __init__(self, access: Access, *, timeout: float, retries: int) -> None:
        self._access = access
        self._timeout = (CONNECT_TIMEOUT, timeout)
        # What has no key (cancel, retry) is repeated only while it cannot have arrived.
        self._repeatable = _session(access, retries, methods=None)
        self._once = _session(access, retries, methods=frozenset({"GET"}))

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: Any = None,
        file: BinaryIO | None = None,
        media_type: str | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """The JSON that is answered; `replayed` is added to the answer of a request that has a key.

        Raises:
            ApiProblem: the gateway refuses.
            GatewayUnreachable: there is none, or it does not answer.
        """
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        if media_type:
            headers["Content-Type"] = media_type
        session = self._repeatable if idempotency_key or method != "POST" else self._once
        try:
            answer = session.request(
                method, self._access.url + path, params=query, json=json, data=file, headers=headers,
                timeout=FILE_TIMEOUT if file else self._timeout, allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException as error:
            raise GatewayUnreachable(self._access.url, _reason(error), self._remedy()) from error
        body = self._body(answer)
        if idempotency_key:
            body["replayed"] = answer.headers.get("Idempotent-Replayed") == "true"
        return body

    def _body(self, answer: requests.Response) -> Any:
        try:
            body = answer.json() if answer.ok or "problem+json" in answer.headers.get("Content-Type", "") else None
        except requests.JSONDecodeError:
            body = None
        if answer.ok and isinstance(body, dict):
            return body
        if isinstance(body, dict):
            raise self._problem(answer, body)
        reason = f"what answers there (HTTP {answer.status_code} {_phrase(answer.status_code)}) is no gateway"
        raise GatewayUnreachable(self._access.url, reason, "Correct CRIER_URL.")

    def _problem(self, answer: requests.Response, document: Mapping[str, Any]) -> ApiProblem:
        errors = [(str(error["field"]), str(error["problem"])) for error in document.get("errors", ())]
        detail = str(document.get("detail", ""))
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            detail = f"{detail} It came from {self._access.key_from}; `crier keys create` makes a new one."
        kind = str(document.get("type", "")).rpartition("#")[2]
        title = str(document.get("title", _phrase(answer.status_code)))
        return ApiProblem(
            status=answer.status_code, kind=kind, title=title, detail=detail, errors=errors,
            request_id=answer.headers.get("X-Request-Id", ""),
        )  # fmt: skip

    def _remedy(self) -> str:
        if urlsplit(self._access.url).hostname in _LOOPBACK:
            return "`crier status` says whether it runs, `crier up` starts it; CRIER_URL names another."
        return "See that it runs and that CRIER_URL is right."


def _session(access: Access, retries: int, *, methods: frozenset[str] | None) -> requests.Session:
    session = requests.Session()
    # A function, as requests would otherwise let a ~/.netrc overrule the header.
    session.auth = lambda request: _authorise(request, access.api_key)
    session.headers["User-Agent"] = f"crier-python ({platform.system()}; Python {platform.python_version()})"
    # A proxy of the environment's does not know this machine's own addresses.
    session.trust_env = urlsplit(access.url).hostname not in _LOOPBACK
    policy = BoundedRetry(
        total=retries, redirect=False, backoff_factor=0.25, backoff_jitter=0.1, status_forcelist={503},
        allowed_methods=methods, raise_on_status=False,
    )  # fmt: skip
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=policy))
    return session


def _authorise(request: requests.PreparedRequest, api_key: str) -> requests.PreparedRequest:
    request.headers["Authorization"] = f"Bearer {api_key}"
    return request


def _reason(error: requests.RequestException) -> str:
    """The innermost cause in a few words: what requests and urllib3 wrap around it is for developers."""
    cause: BaseException = error
    while True:
        inner = getattr(cause, "reason", None) or next((a for a in cause.args if isinstance(a, BaseException)), None)
        inner = inner or cause.__cause__ or cause.__context__
        if not isinstance(inner, BaseException) or inner is cause:
            break
        cause = inner
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return text[:1].lower() + text[1:].rstrip(".") if text else type(cause).__name__


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
