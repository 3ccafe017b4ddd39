"""`/v1/inbox/{user_id}` for browsers: as the gateway answers servers, for the one inbox that the token is for."""

import asyncio
from typing import Any
from uuid import UUID

import orjson
from aiohttp import web

from services.inapp.web.access import bearer_of
from services.inapp.web.problems import Problem
from shared.errors import InvalidInput
from shared.inbox.answers import shown_marked, shown_page
from shared.ledger.inbox import Inboxes, Mark, Shelf

MAX_LIMIT = 100
_ASKED = frozenset({"state", "limit", "cursor"})


class Views:
    """What browsers may ask and do."""

    def __init__(self, inboxes: Inboxes) -> None:
        self._inboxes = inboxes

    async def page(self, request: web.Request) -> web.Response:
        """A page of the inbox, newest first."""
        bearer = bearer_of(request)
        shelf, limit, cursor = _query(request)
        found = await asyncio.to_thread(
            self._inboxes.page, bearer.project_id, bearer.user_id, shelf, limit=limit, cursor=cursor
        )
        return _answer(shown_page(found))

    async def count(self, request: web.Request) -> web.Response:
        """How many are unread."""
        bearer = bearer_of(request)
        return _answer({"unread": await asyncio.to_thread(self._inboxes.count, bearer.project_id, bearer.user_id)})

    async def mark(self, request: web.Request) -> web.Response:
        """Mark a notification: read, unread, archive, unarchive."""
        bearer = bearer_of(request)
        try:
            identifier, mark = UUID(request.match_info["id"]), Mark(request.match_info["mark"])
        except ValueError:
            raise Problem(404, "There is no such notification in this inbox.") from None
        marked = await asyncio.to_thread(self._inboxes.mark, bearer.project_id, bearer.user_id, identifier, mark)
        return _answer(shown_marked(marked))

    async def read_all(self, request: web.Request) -> web.Response:
        """Mark everything as read, up to what was seen."""
        bearer = bearer_of(request)
        up_to = _up_to(await request.read())
        marked = await asyncio.to_thread(self._inboxes.read_all, bearer.project_id, bearer.user_id, up_to=up_to)
        unread = await asyncio.to_thread(self._inboxes.count, bearer.project_id, bearer.user_id)
        return _answer({"marked": marked, "unread": unread})


def _query(request: web.Request) -> tuple[Shelf, int, str | None]:
    if unknown := set(request.query) - _ASKED:
        raise InvalidInput(
            {name: [f"There is no such field. There are {', '.join(sorted(_ASKED))}."] for name in unknown}
        )
    try:
        shelf = Shelf(request.query.get("state", Shelf.INBOX))
    except ValueError:
        raise InvalidInput({"state": [f"Must be one of {', '.join(Shelf)}."]}) from None
    limit = _number("limit", request.query.get("limit"))
    if limit is not None and not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput({"limit": [f"Must be from 1 to {MAX_LIMIT}."]})
    return shelf, limit or 20, request.query.get("cursor")


def _up_to(body: bytes) -> int | None:
    """What was seen last, of a body as the gateway takes it; none: everything."""
    try:
        given = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        raise Problem(400, "The body is not JSON.") from None
    if not isinstance(given, dict) or given.keys() - {"up_to"}:
        raise InvalidInput({"up_to": ["The body must be an object with no other field than this."]})
    up_to = given.get("up_to")
    if not isinstance(up_to, str | None):
        raise InvalidInput({"up_to": ["Must be the last_event_id of a page."]})
    return _number("up_to", up_to)


def _number(name: str, given: str | None) -> int | None:
    if given is None:
        return None
    if not (given.isascii() and given.isdecimal() and len(given) < 19):
        raise InvalidInput({name: ["Must be a whole number."]})
    return int(given)


def _answer(value: Any) -> web.Response:
    return web.Response(body=orjson.dumps(value, option=orjson.OPT_UTC_Z), content_type="application/json")
