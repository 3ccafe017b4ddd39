"""Apprise's plugins, with Crier's own HTTP client in the place of `requests`.

Apprise says of a message that it was sent or that it was not. Whether it was refused for good, not taken just now, or
may have arrived is in the HTTP answer, which a plugin keeps to itself; and it connects wherever a name leads. So each
plugin is loaded a second time, as a module of our own in which `requests` is `Requests`: it hands what the plugin
would have sent to the exchange of the call. Apprise's own modules, and `requests`, are as they were.
"""

import contextlib
import importlib.util
import logging
import sys
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import requests

from shared.chat.services import Service

if TYPE_CHECKING:
    # The gateway reads addresses, and has no client of the kind that makes requests.
    from shared.http import Reply


class Stopped(BaseException):
    """Ends a plugin: there is nothing left for it to do. No Exception, which plugins may catch."""


class Exchange(Protocol):
    """Makes the requests of one call, from the thread the plugin runs in."""

    def answer(self, request: requests.PreparedRequest) -> "Reply":
        """The answer to a request. Raises Stopped when the plugin is to end."""
        ...


_EXCHANGE: ContextVar[Exchange] = ContextVar("exchange")


@contextlib.contextmanager
def speaking_through(exchange: Exchange) -> Iterator[None]:
    """Have plugins in this context make their requests by `exchange`. Outside of any, none is made."""
    token = _EXCHANGE.set(exchange)
    try:
        yield
    finally:
        _EXCHANGE.reset(token)


class Requests:
    """What a plugin takes for `requests`."""

    def __getattr__(self, name: str) -> Any:
        if name in ("Session", "session", "sessions", "api"):
            raise AttributeError(f"requests.{name} would go past Crier's own client.")
        return getattr(requests, name)

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """Make a request as the exchange of this call does. How long, how far and how safely is not the plugin's."""
        asked = {name: options[name] for name in ("params", "data", "json", "headers", "auth") if name in options}
        prepared = requests.Request(method.upper(), url, **asked).prepare()
        reply = _EXCHANGE.get().answer(prepared)
        response = requests.Response()
        response.status_code, response.url, response.request = reply.status, str(prepared.url), prepared
        response.headers.update(reply.headers)
        response._content = reply.body
        return response

    def get(self, url: str, params: Any = None, **options: Any) -> requests.Response:
        return self.request("GET", url, params=params, **options)

    def post(self, url: str, data: Any = None, json: Any = None, **options: Any) -> requests.Response:
        return self.request("POST", url, data=data, json=json, **options)

    def put(self, url: str, data: Any = None, **options: Any) -> requests.Response:
        return self.request("PUT", url, data=data, **options)


@cache
def plugin_class(service: Service) -> type[Any]:
    """The service's plugin. Its first use imports Apprise."""
    # Apprise logs URLs with their tokens, and what people are written.
    logging.getLogger("apprise").disabled = True
    module, name = service.plugin
    found = importlib.util.find_spec(f"apprise.plugins.{module}")
    if found is None or found.origin is None:
        raise ImportError(f"Apprise has no plugin {module}: pip install 'apprise>=1.13'")
    # In Apprise's package, for its relative imports; under a name of its own, for Apprise never to meet it.
    own = f"apprise.plugins._crier_{module}"
    spec = importlib.util.spec_from_file_location(own, found.origin)
    assert spec is not None and spec.loader is not None  # noqa: S101
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[own] = loaded
    spec.loader.exec_module(loaded)
    loaded.requests = Requests()  # type: ignore[attr-defined]
    made: type[Any] = getattr(loaded, name)
    return made


@cache
def asset() -> Any:
    """What Apprise shows of who sends: no pictures of its own, and nothing written to the disk."""
    from apprise import AppriseAsset, PersistentStoreMode

    return AppriseAsset(
        app_id="Crier", app_desc="Crier", app_url="", image_url_mask="", image_url_logo="", async_mode=False,
        secure_logging=True, storage_mode=PersistentStoreMode.MEMORY,
    )  # fmt: skip


def instance(service: Service, parsed: Mapping[str, Any]) -> Any:
    """A plugin for one address. Raises TypeError, whose text may hold tokens."""
    made = plugin_class(service)(**{**parsed, **service.always, "asset": asset()})
    if service.longest is not None:
        made.body_maxlen = service.longest
    return made
