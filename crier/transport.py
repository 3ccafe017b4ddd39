"""Requests to a gateway: authorised, repeated where that is safe, and every error as one of ours."""

import os
import platform
import threading
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

from crier.access import Access
from crier.encoding import encode
from crier.errors import ApiProblem, GatewayUnreachable
from crier.upload import Upload

LONGEST_PAUSE = 30.0
"""Seconds: the most a `Retry-After` is waited for."""

CONNECT_TIMEOUT = 3.05
FILE_TIMEOUT = 300.0
"""Seconds for each step with a file: the gateway reads on only when the rows before are committed, and answers when all
are. As urllib3 has the timeout of connecting for sending too, it is both."""

TRY_AGAIN = frozenset({429, 502, 503, 504})
"""Answers after which a request is repeated: too many of them, no gateway behind the proxy, or no ledger behind it."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class BoundedRetry(Retry):
    """urllib3's retries, not waiting for ever because a server says so."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Seconds the answer asks to wait, bounded."""
        pause = _retry_after(response)
        return None if pause is None else min(pause, LONGEST_PAUSE)


class Sessions(threading.local):
    """A thread's connections. Each thread that looks here finds its own; they are closed when it ends."""

    def __init__(self, access: Access, retries: int) -> None:
        self.process = os.getpid()
        self.repeating = _session(access, retries, methods=None)
        # What has no key (cancel, retry) is repeated only while it cannot have arrived.
        self.careful = _session(access, retries, methods=frozenset({"GET"}))


class Transport:
    """HTTP to one gateway, from any thread, in any process forked from the one that made it.

    Parameters:
        timeout: seconds to wait for each part of an answer.
        retries: repetitions after a failed connection, a connection that broke, no answer in time, or `TRY_AGAIN`.
    """

    def __init__(self, access: Access, *, timeout: float, retries: int) -> None:
        self._access = access
        self._timeout = (CONNECT_TIMEOUT, timeout)
        self._retries = retries
        self._opened: Sessions | None = None

    def call(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, json: Any = None,
        upload: Upload | None = None, idempotency_key: str | None = None,
    ) -> Any:  # fmt: skip
        """The JSON that is answered; `replayed` is added to the answer of a request that has a key.

        Raises:
            ApiProblem: the gateway refuses.
            GatewayUnreachable: there is none, or it does not answer.
            TypeError: JSON cannot say what is asked.
        """
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        if upload or json is not None:
            headers["Content-Type"] = upload.media_type if upload else "application/json"
        body = upload or (encode(json) if json is not None else None)
        sessions = self._sessions()
        session = sessions.repeating if idempotency_key or method != "POST" else sessions.careful
        try:
            answer = session.request(
                method, self._access.url + path, params=query, data=body, headers=headers,
                timeout=FILE_TIMEOUT if upload else self._timeout, allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException as error:
            raise GatewayUnreachable(self._access.url, _reason(error), self._remedy()) from error
        answered = self._body(answer)
        if idempotency_key:
            answered["replayed"] = answer.headers.get("Idempotent-Replayed") == "true"
        return answered

    def close(self) -> None:
        """Close the connections of all threads, those in use when they are no longer."""
        self._opened = None

    def _sessions(self) -> Sessions:
        # What a forked process has of its parent's connections it must not use: two would read one answer.
        opened = self._opened
        if opened is None or opened.process != os.getpid():
            opened = self._opened = Sessions(self._access, self._retries)
        return opened

    def _body(self, answer: requests.Response) -> Any:
        try:
            body = answer.json() if answer.ok or "problem+json" in answer.headers.get("Content-Type", "") else None
        except requests.JSONDecodeError:
            body = None
        if answer.ok and isinstance(body, dict):
            return body
        if isinstance(body, dict):
            raise self._problem(answer, body)
        said = f"(HTTP {answer.status_code} {_phrase(answer.status_code)})"
        if answer.status_code in TRY_AGAIN:
            raise GatewayUnreachable(self._access.url, f"what stands before it says so {said}", self._remedy())
        raise GatewayUnreachable(self._access.url, f"what answers there {said} is no gateway", "Correct CRIER_URL.")

    def _problem(self, answer: requests.Response, document: Mapping[str, Any]) -> ApiProblem:
        is_key = answer.status_code == HTTPStatus.UNAUTHORIZED
        came_from = f"It came from {self._access.key_from}; `crier keys create` makes a new one."
        return ApiProblem(
            status=answer.status_code, document=document, request_id=answer.headers.get("X-Request-Id", ""),
            retry_after=_retry_after(answer.raw), hint=came_from if is_key else "",
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
        total=retries, redirect=False, backoff_factor=0.25, backoff_jitter=0.1, status_forcelist=TRY_AGAIN,
        allowed_methods=methods, raise_on_status=False,
    )  # fmt: skip
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=policy))
    return session


def _authorise(request: requests.PreparedRequest, api_key: str) -> requests.PreparedRequest:
    request.headers["Authorization"] = f"Bearer {api_key}"
    return request


def _retry_after(answer: BaseHTTPResponse) -> float | None:
    try:
        return Retry().get_retry_after(answer)
    except InvalidHeader:
        return None


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
