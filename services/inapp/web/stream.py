"""`GET /v1/inbox/{user_id}/stream`: what happens in an inbox, as it happens."""

import asyncio
import random

import structlog
from aiohttp import web

from services.inapp.settings import InAppSettings
from services.inapp.web.access import bearer_of
from services.inapp.web.events import comment, event, retry, told
from services.inapp.web.hub import Follower, Hub, TooMany
from services.inapp.web.metrics import ENDED
from services.inapp.web.problems import Problem
from shared.errors import LedgerUnavailable
from shared.inbox.tokens import Bearer, InboxTokens
from shared.ledger.inbox import Inboxes

log = structlog.get_logger(__name__)

UNREAD = 64 * 1024
"""Bytes that may lie here for a browser before nothing more is made for it."""

PIECE = 16 * 1024
"""Bytes that are sent together. Each piece has to be taken in time, not all of a page: a phone may be slow."""

COME_BACK = (1000, 4000)
"""Milliseconds, drawn by lot: after a restart not everybody comes back in the same instant."""
_LONGEST_ID = 18
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",  # nginx would keep events back otherwise
}


class Slow(Exception):
    """The browser takes nothing of what was sent."""


class Streams:
    """Serves streams.

    Parameters:
        tokens: says how long the bearer of one may stay.
    """

    def __init__(self, inboxes: Inboxes, hub: Hub, tokens: InboxTokens, settings: InAppSettings) -> None:
        self._inboxes = inboxes
        self._hub = hub
        self._tokens = tokens
        self._settings = settings

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Tell what happens until the browser goes, its token ends, or this process does."""
        bearer = bearer_of(request)
        after = _after(request)
        box = await asyncio.to_thread(self._inboxes.open, bearer.project_id, bearer.user_id)
        try:
            with self._hub.follow(box.id, box.changes if after is None else after) as follower:
                response = web.StreamResponse(headers=HEADERS)
                await response.prepare(request)
                beginning = retry(random.randint(*COME_BACK))
                if after is None:
                    beginning += event("count", {"unread": box.unread}, box.changes)
                elif after > box.changes:
                    # The ledger was restored from a backup: what the browser knows may never have been.
                    follower.told = box.changes
                    beginning += event("reset", {"unread": box.unread}, box.changes)
                why = "left"
                try:
                    await self._write(response, beginning)
                    why = await self._tell(request, response, follower, bearer, catching_up=after is not None)
                except Slow:
                    why = "slow"
                    if request.transport:
                        request.transport.abort()
                finally:
                    ENDED.labels(why).inc()
                return response
        except TooMany as error:
            raise _refusal(error) from None

    async def _tell(
        self, request: web.Request, response: web.StreamResponse, follower: Follower, bearer: Bearer, *,
        catching_up: bool,
    ) -> str:  # fmt: skip
        """Why it ended."""
        is_woken = catching_up
        while not self._hub.is_stopping:
            if self._tokens.seconds_left(bearer) <= 0:
                await self._write(response, event("expired", {}))
                return "expired"
            await self._until_read(request)
            if is_woken:
                await self._catch_up(response, follower)
            else:
                await self._write(response, comment("still here"))
            is_woken = await self._woken(follower, min(self._settings.heartbeat, self._tokens.seconds_left(bearer)))
        return "stopped"

    async def _catch_up(self, response: web.StreamResponse, follower: Follower) -> None:
        """Tell everything there is. While the ledger is away nothing is told, and nothing forgotten."""
        follower.woken.clear()
        since, complete = follower.told, False
        while not complete and not self._hub.is_stopping:
            try:
                changes = await self._hub.changes(follower)
            except LedgerUnavailable:
                return  # it is looked at again as soon as the ledger can be asked what was missed
            complete = changes.complete
            if changes.changes > follower.told:
                await self._write(response, told(changes, since))
                follower.told = changes.changes

    async def _woken(self, follower: Follower, seconds: float) -> bool:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await follower.woken.wait()
        except TimeoutError:
            return False
        return True

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        """Send it, as fast as the browser takes it. Raises Slow."""
        for start in range(0, len(data), PIECE):
            try:
                async with asyncio.timeout(self._settings.patience):
                    await response.write(data[start : start + PIECE])
            except TimeoutError:
                raise Slow from None

    async def _until_read(self, request: web.Request) -> None:
        """Wait until the browser has taken most of what was sent. Raises Slow."""
        clock = asyncio.get_running_loop().time
        left, since = _buffered(request), clock()
        while left > UNREAD:
            await asyncio.sleep(min(0.1, self._settings.patience))
            if (now_left := _buffered(request)) < left:
                left, since = now_left, clock()
            elif clock() - since > self._settings.patience:
                raise Slow


def _buffered(request: web.Request) -> int:
    transport = request.transport
    return transport.get_write_buffer_size() if transport else 0


def _after(request: web.Request) -> int | None:
    """The last change the browser has seen. One that comes back says so in a header, which it cannot set at first."""
    given = request.headers.get("Last-Event-ID") or request.query.get("after")
    if not given:
        return None
    if not (given.isascii() and given.isdecimal() and len(given) <= _LONGEST_ID):
        raise Problem(422, "Not the id of an event: use that of the last one, or last_event_id of a page.")
    return int(given)


def _refusal(error: TooMany) -> Problem:
    if error.limit == "inbox":
        return Problem(429, "This inbox has too many open streams: close some.", retry_after=30)
    return Problem(503, "There are too many open streams.", retry_after=random.randint(5, 30))
