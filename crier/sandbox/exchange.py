"""One exchange with an HTTP vendor: read the call, find the rule, answer, write the journal, send."""

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from crier.sandbox import wire
from crier.sandbox.behaviour import Behaviour, Fault, Rules
from crier.sandbox.callbacks import Callbacks
from crier.sandbox.journal import Entry, Journal
from crier.sandbox.vendor import Answer, Call, HttpVendor, Route, json_answer

_log = logging.getLogger(__name__)
_NORMAL = Behaviour()
_CREDENTIALS = {"authorization", "x-amz-security-token"}


class Exchange:
    """What every route of one vendor shares: its rules and the journal."""

    def __init__(self, vendor: HttpVendor, rules: Rules, journal: Journal, callbacks: Callbacks) -> None:
        self._vendor = vendor
        self._rules = rules
        self._journal = journal
        self._callbacks = callbacks

    def routes(self) -> list[web.RouteDef]:
        """The vendor's routes as aiohttp's."""
        return [web.route(r.method, r.path, self._handler(r)) for r in self._vendor.routes()]

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._exchange(await _read(request), route)

        return handle

    async def _exchange(self, call: Call, route: Route) -> web.StreamResponse:
        recipient = route.recipient(call)
        sends = route.stage == self._vendor.stages[0]
        rule = self._rules.take(route.stage, recipient)
        if rule is None and sends and recipient is not None and self._vendor.authorised(call):
            rule = self._vendor.magic(recipient)
        behaviour = rule or _NORMAL
        answer = self._answer(call, route, behaviour)
        entry = Entry(
            vendor=self._vendor.name,
            action=route.stage,
            received=_received(call),
            answered=_answered(answer, rule),
            accepted=answer.accepted,
            recipient=recipient,
            delivery=self._vendor.delivery(call) if sends else None,
            reference=answer.reference,
        )
        if not await _journalled(self._journal, entry):
            return wire.BrokenResponse(answer, Fault.RESET, 0)
        await self._callbacks.answering(answer.callbacks)
        if behaviour.delay:
            await asyncio.sleep(behaviour.delay)
        if behaviour.fault is None:
            return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
        return wire.BrokenResponse(answer, behaviour.fault, behaviour.pause)

    def _answer(self, call: Call, route: Route, behaviour: Behaviour) -> Answer:
        if behaviour.error is not None:
            answer = self._vendor.error(behaviour.error, call)
        elif behaviour.status is not None:
            answer = Answer(behaviour.status, (behaviour.body or "").encode())
        elif not behaviour.accepts:
            # Nothing is taken, so there is no answer of the vendor's: the connection breaks on a bare 503.
            answer = Answer(503, b"{}")
        else:
            answer = route.answer(call)
        if behaviour.retry_after is None:
            return answer
        return replace(answer, headers={**answer.headers, "Retry-After": f"{behaviour.retry_after:g}"})


def unknown(journal: Journal) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A handler for calls that no stand-in understands: they are refused, and they are in the journal."""

    async def handle(request: web.Request) -> web.StreamResponse:
        call = await _read(request)
        answer = json_answer(404, {"error": f"No stand-in understands {call.method} {call.path}."})
        entry = Entry("unknown", "unknown", _received(call), _answered(answer, None))
        if not await _journalled(journal, entry):
            return wire.BrokenResponse(answer, Fault.RESET, 0)
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    return handle


async def _read(request: web.Request) -> Call:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Call(
        method=request.method,
        target=request.raw_path,
        path=request.path,
        parameters=request.match_info,
        query=request.query,
        headers=headers,
        body=await request.read(),
    )


async def _journalled(journal: Journal, entry: Entry) -> bool:
    try:
        await journal.append(entry)
    except OSError:
        # What is not in the journal must not be answered: the witness would be wrong.
        _log.exception("the sandbox's journal cannot be written, so a call is not answered")
        return False
    return True


def _received(call: Call) -> dict[str, Any]:
    return {
        "method": call.method,
        "path": call.target,
        "headers": _without_secrets(call.headers),
        **_text(call.body),
    }


def _answered(answer: Answer, rule: Behaviour | None) -> dict[str, Any]:
    answered: dict[str, Any] = {"status": answer.status, "headers": dict(answer.headers), **_text(answer.body)}
    if answer.code is not None:
        answered["code"] = answer.code
    if rule is not None:
        answered["behaviour"] = rule.describe()
    return answered


def _text(body: bytes) -> dict[str, str]:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def _without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """The journal lies about in folders and is shown in a page; a credential sent by mistake must not be."""
    return {name: "…" if name in _CREDENTIALS else value for name, value in headers.items()}
