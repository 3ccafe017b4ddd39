"""Who is asking: an API key in the Authorization header, and the scope each route needs."""

import re
from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import Any, TypeVar

from cachetools import TTLCache
from flask import Flask, current_app, g, request

from services.gateway.problems import KINDS, Problem
from shared.ledger.keys import Identity, Keys

REMEMBERED_FOR = 2.0
"""Seconds a key is believed without asking the ledger: how long a revoked one may live on."""

PROTECTED = "/v1/"
_KEY_NAMES = frozenset({"key", "api_key", "apikey", "access_token", "authorization"})
_LOOKS_LIKE_A_KEY = re.compile(r"crier_[0-9a-f]{4,}_")
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="crier"'}
View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = "public"
"""In place of a scope: needs no key, because it finds out by itself who calls."""


def needs(scope: str) -> Callable[[View], View]:
    """Declare the scope a view needs. A view under `/v1/` that declares none is refused to everybody."""

    def declare(view: View) -> View:
        view.__dict__["scope"] = scope
        return view

    return declare


def identity() -> Identity:
    """Who sent the request being answered."""
    found: Identity = g.identity
    return found


class Callers:
    """Knows who calls by the key, and remembers it for a moment."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._remembered: TTLCache[bytes, Identity] = TTLCache(maxsize=10_000, ttl=REMEMBERED_FOR)
        self._lock = Lock()

    def who(self, key: str) -> Identity | None:
        """Whose key this is; None if it is nobody's."""
        fingerprint = sha256(key.encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            found = self._remembered.get(fingerprint)
        if found is None and (found := self._keys.check(key)) is not None:
            with self._lock:
                self._remembered[fingerprint] = found
        return found


def protect(app: Flask, callers: Callers) -> None:
    """Let nobody without the right key reach what is under `/v1/`."""

    @app.before_request
    def authenticate() -> None:
        if not request.path.startswith(PROTECTED) or _scope() == PUBLIC:
            return
        if _in_query():
            raise _refusal("A key in an address ends up in logs. Send it in the Authorization header, and replace it.")
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise _refusal(KINDS["unauthorized"][2])
        found = callers.who(key.strip())
        if found is None:
            raise _refusal("This key is unknown, or no longer valid.")
        g.identity = found
        if request.endpoint is None:
            return  # nothing there: routing answers 404 or 405
        scope = _scope()
        if scope not in found.scopes:
            raise Problem("forbidden", f"This needs a key with the scope {scope}; this one has {_list(found)}.")


def _scope() -> str | None:
    """What the view that will answer needs; None where there is none, or it says nothing."""
    view = current_app.view_functions.get(request.endpoint or "")
    scope: str | None = getattr(view, "scope", None)
    return scope


def _in_query() -> bool:
    return bool(request.query_string) and any(
        name.lower() in _KEY_NAMES or _LOOKS_LIKE_A_KEY.match(value) for name, value in request.args.items(multi=True)
    )


def _refusal(detail: str) -> Problem:
    return Problem("unauthorized", detail, headers=_CHALLENGE)


def _list(found: Identity) -> str:
    return ", ".join(sorted(found.scopes))
