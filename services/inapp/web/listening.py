"""Being told that an inbox has changed: one connection of PostgreSQL's LISTEN, and a look at the ledger at times."""

import asyncio

import psycopg
import structlog

from services.inapp.web.hub import Hub
from shared.errors import LedgerUnavailable
from shared.ledger.database import sqlalchemy_url
from shared.ledger.inbox import BELL

log = structlog.get_logger(__name__)

PAUSE = 1.0
"""Seconds before a lost connection is made anew."""

ALIVE = 20.0
"""Seconds after which a quiet connection is asked whether it is still there."""

CONNECTING = 4.0


async def listen(database_url: str, hub: Hub) -> None:
    """Ring at whoever follows an inbox that changed, for ever. What happens while nobody listens, `heal` finds."""
    conninfo = sqlalchemy_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    while True:
        try:
            async with asyncio.timeout(CONNECTING):
                connection = await psycopg.AsyncConnection.connect(
                    conninfo, autocommit=True, application_name="crier inbox streams"
                )
            async with connection:
                await _hear(connection, hub)
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("nobody tells of changed inboxes; the ledger is asked now and then", reason=str(error).strip())
        await asyncio.sleep(PAUSE)


async def _hear(connection: psycopg.AsyncConnection[object], hub: Hub) -> None:
    async with asyncio.timeout(CONNECTING):
        await connection.execute(f"LISTEN {BELL}")
    hub.ring_all()
    while True:
        async for told in connection.notifies(timeout=ALIVE):
            hub.ring(int(number) for number in told.payload.split() if number.isdecimal())
        async with asyncio.timeout(CONNECTING):
            await connection.execute("SELECT 1")


async def heal(hub: Hub, every: float) -> None:
    """Look for what was missed, every so many seconds, for ever."""
    while True:
        await asyncio.sleep(every)
        try:
            await hub.heal()
        except LedgerUnavailable as error:
            log.warning("it is not known what streams have missed", reason=str(error))
        except Exception:
            # It must go on: nobody else looks.
            log.exception("it was not found out what streams have missed")
