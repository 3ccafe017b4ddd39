"""The sandbox's control routes: what was received as data, and how the stand-ins are to behave.

GET    /calls                    every call; `vendor`, `delivery`, `recipient`, `after` (a sequence) filter.
                                 A JSON array, or a line each with `Accept: application/x-ndjson`
DELETE /calls                    forget them
GET    /behaviour                the rules in force, by vendor
PUT    /behaviour/{vendor}       the rules from now on: one object or an array, see `Behaviour`
DELETE /behaviour                every vendor as documented again, and callbacks as at the start
GET    /callbacks                how vendors' callbacks are made; `pending`: for how many calls some are still to be
PUT    /callbacks                how from now on, see `crier.sandbox.callbacks.Manner`
POST   /events/{vendor}/{event}  let something happen that the vendor reports; the body's fields are its details
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from crier.sandbox.behaviour import parse

if TYPE_CHECKING:
    from crier.sandbox.server import Sandbox

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_CHUNK = 64 * 1024


def local_only(handler: Handler) -> Handler:
    """`handler` for callers that name this machine; a foreign name that was pointed here is refused, and so is what a
    web page would change."""

    async def check(request: web.Request) -> web.StreamResponse:
        if request.url.host not in _LOCAL_HOSTS:
            return web.Response(status=403, text="The sandbox is for this machine: use http://127.0.0.1.\n")
        if request.method != "GET" and "Origin" in request.headers:
            return web.Response(status=403, text="Web pages cannot tell the sandbox anything.\n")
        return await handler(request)

    return check


class Control:
    """The routes above."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox

    def routes(self) -> Sequence[web.RouteDef]:
        """aiohttp's routes."""
        return (
            web.get("/calls", local_only(self._calls)),
            web.delete("/calls", local_only(self._clear)),
            web.get("/behaviour", local_only(self._behaviour)),
            web.put("/behaviour/{vendor}", local_only(self._behave)),
            web.delete("/behaviour", local_only(self._reset)),
            web.get("/callbacks", local_only(self._callbacks)),
            web.put("/callbacks", local_only(self._call_back)),
            web.post("/events/{vendor}/{event}", local_only(self._happen)),
        )

    async def _calls(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        after = query.get("after", "0")
        if not after.isdecimal():
            return _json(422, {"error": f"after: must be a sequence such as 17, not {after!r}"})
        filters = {name: query[name] for name in ("vendor", "delivery", "recipient") if name in query}
        entries = self._sandbox.calls(**filters, after=int(after))
        as_lines = "application/x-ndjson" in request.headers.get("Accept", "")
        response = web.StreamResponse()
        response.content_type = "application/x-ndjson" if as_lines else "application/json"
        await response.prepare(request)
        chunk = bytearray(b"" if as_lines else b"[")
        between = b""
        for entry in entries:
            line = entry.line()
            chunk += line if as_lines else between + line.rstrip()
            between = b","
            if len(chunk) > _CHUNK:
                await response.write(bytes(chunk))
                chunk.clear()
        await response.write(bytes(chunk) + (b"" if as_lines else b"]"))
        return response

    async def _clear(self, _: web.Request) -> web.Response:
        await self._sandbox.forget()
        return web.Response(status=204)

    async def _behaviour(self, _: web.Request) -> web.Response:
        return _json(200, {name: rules.show() for name, rules in self._sandbox.rules.items()})

    async def _behave(self, request: web.Request) -> web.Response:
        vendor = request.match_info["vendor"]
        try:
            body: Any = orjson.loads(await request.read())
            rules = self._sandbox.rules_of(vendor)
            given = body if isinstance(body, list) else [body]
            rules.set([self._sandbox.admit(vendor, parse(rule)) for rule in given])
        except ValueError as error:
            return _json(422, {"error": str(error)})
        return _json(200, rules.show())

    async def _reset(self, _: web.Request) -> web.Response:
        self._sandbox.reset()
        return web.Response(status=204)

    async def _callbacks(self, _: web.Request) -> web.Response:
        return _json(200, self._sandbox.callbacks_shown())

    async def _call_back(self, request: web.Request) -> web.Response:
        try:
            self._sandbox.callbacks(**_object(await request.read()))
        except ValueError as error:
            return _json(422, {"error": str(error)})
        return await self._callbacks(request)

    async def _happen(self, request: web.Request) -> web.Response:
        try:
            details = {name: str(value) for name, value in _object(await request.read()).items()}
            self._sandbox.simulate(request.match_info["vendor"], request.match_info["event"], **details)
        except ValueError as error:
            return _json(422, {"error": str(error)})
        return web.Response(status=202)


def _object(body: bytes) -> dict[str, Any]:
    found = orjson.loads(body or b"{}")
    if not isinstance(found, dict):
        raise ValueError('body: must be an object, such as {"repeat": 5}')  # noqa: TRY004 - a caller's, as the rest
    return found


def _json(status: int, body: object) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
