"""The application: its routes, what every request goes through, and what runs beside them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from aiohttp import web
from prometheus_client import generate_latest

from services.inapp.settings import InAppSettings
from services.inapp.web import access
from services.inapp.web.hub import Hub
from services.inapp.web.listening import heal, listen
from services.inapp.web.problems import Problem
from services.inapp.web.stream import Streams
from services.inapp.web.views import Views
from shared.errors import LedgerUnavailable
from shared.inbox.tokens import InboxTokens
from shared.ledger.inbox import Inboxes

_PAGES = Path(__file__).parent / "pages"
_SCRIPT = {
    "Cache-Control": "public, max-age=3600",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Content-Type": "text/javascript; charset=utf-8",
}


def make_app(inboxes: Inboxes, tokens: InboxTokens, settings: InAppSettings, database_url: str) -> web.Application:
    """The application. Opens no connection before it runs."""
    hub = Hub(inboxes, most=settings.streams, most_each=settings.streams_each)
    views, streams = Views(inboxes), Streams(inboxes, hub, tokens, settings)
    origins = frozenset(settings.origins)
    app = web.Application(
        middlewares=[access.log_and_measure(), access.from_pages(origins), access.with_token(tokens)],
        client_max_size=16 * 1024,
    )
    app.on_response_prepare.append(access.allow_origin(origins))
    one = "/v1/inbox/{user_id}"
    app.add_routes([
        web.get(one, views.page),
        web.get(f"{one}/count", views.count),
        web.get(f"{one}/stream", streams.serve, name=access.STREAM),
        web.post(f"{one}/read-all", views.read_all),
        web.post(f"{one}/{{id}}/{{mark}}", views.mark),
        web.get("/bell.js", _script, name=f"{access.OPEN}bell"),
        web.get("/healthz", _alive, name=f"{access.OPEN}alive"),
        web.get("/readyz", _ready(inboxes, hub), name=f"{access.OPEN}ready"),
        web.get("/metrics", _metrics, name=f"{access.OPEN}metrics"),
    ])  # fmt: skip

    async def beside(_: web.Application) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(listen(database_url, hub)), asyncio.create_task(heal(hub, settings.heal))]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def stop(_: web.Application) -> None:
        hub.stop()

    app.cleanup_ctx.append(beside)
    app.on_shutdown.append(stop)
    return app


async def _script(_: web.Request) -> web.Response:
    """The bell that pages show. It is read each time, as one may change it while the server runs; it is small."""
    return web.Response(body=await asyncio.to_thread((_PAGES / "bell.js").read_bytes), headers=_SCRIPT)


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def _ready(inboxes: Inboxes, hub: Hub) -> access.Handler:
    async def ready(_: web.Request) -> web.Response:
        """Inboxes can be shown: the ledger answers, and this process is not about to end."""
        if hub.is_stopping:
            raise Problem(503, "It is stopping.")
        try:
            await asyncio.to_thread(inboxes.numbers, [])
        except LedgerUnavailable:
            raise Problem(503, "The ledger is not available.", retry_after=2) from None
        return web.json_response({"status": "ready"})

    return ready


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), content_type="text/plain", charset="utf-8")
