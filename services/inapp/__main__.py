"""`python -m services.inapp`: show browsers their inboxes until told to stop."""

import asyncio
import os
import resource
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import structlog
from aiohttp import web

from services.inapp.settings import InAppSettings
from services.inapp.web.app import make_app
from shared.errors import SettingsError
from shared.inbox.tokens import InboxTokens
from shared.ledger.database import Database
from shared.ledger.inbox import Inboxes
from shared.runtime import process_runtime
from shared.settings import load_one

CONNECTIONS = 8
DEADLINE = 5.0
"""Seconds the ledger may take before a browser is told to come back."""


def serve() -> None:
    """Run the server in this process."""
    runtime = process_runtime()
    try:
        settings, sealer = load_one(InAppSettings), runtime.sealer
    except SettingsError as error:
        sys.exit(str(error))
    _allow_files()
    asyncio.run(_run(runtime.settings.database_url, InboxTokens(sealer), settings))


async def _run(database_url: str, tokens: InboxTokens, settings: InAppSettings) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="ledger"))
    database = Database(database_url, pool_size=CONNECTIONS, deadline=DEADLINE)
    app = make_app(Inboxes(database), tokens, settings, database_url)
    # A browser that goes away ends its stream at once, and not with the next heartbeat.
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=settings.grace)
    told_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port, backlog=2048).start()
    except OSError as error:
        await runner.cleanup()
        reason = os.strerror(error.errno) if error.errno else str(error)
        sys.exit(
            f"CRIER_INAPP_PORT: inboxes cannot be served on {settings.host}:{settings.port}: {reason}. "
            "Set CRIER_INAPP_PORT to a free port, or end what has this one."
        )
    host, port = runner.addresses[0][:2]
    structlog.get_logger(__name__).info("inboxes are served", host=host, port=port)
    await told_to_stop.wait()
    await runner.cleanup()
    database.close()


def _allow_files() -> None:
    """Allow as many open files as the system lets this process have: every stream is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    serve()
