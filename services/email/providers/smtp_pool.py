"""Connections to a mail server, used again: a handshake with TLS and a login costs more than a mail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from aiosmtplib import SMTP, SMTPException

from shared.errors import SendError, Unavailable

IDLE_SECONDS = 30.0
"""Less than the five minutes a server has to wait for a command (RFC 5321 section 4.5.3.2.7), and than most do."""


@dataclass(frozen=True, slots=True)
class _Idle:
    """What is known of a connection nobody uses: `dirty` if its last mail was refused halfway, and when it ends."""

    dirty: bool
    end: asyncio.TimerHandle


class SmtpPool:
    """At most `size` connections.

    Parameters:
        connect: opens a connection that is ready for MAIL.
        patience: seconds to wait while all are busy.
        idle: seconds after which a connection nobody uses is closed.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[SMTP]], *, size: int, patience: float, idle: float = IDLE_SECONDS
    ) -> None:
        self._connect = connect
        self._idle_seconds = idle
        self._size = size
        self._patience = patience
        self._free = asyncio.Semaphore(size)
        self._idle: dict[SMTP, _Idle] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._closed = False

    @asynccontextmanager
    async def connection(self, begin: Callable[[SMTP], Awaitable[None]]) -> AsyncIterator[SMTP]:
        """A connection on which `begin` has started a mail; it goes back afterwards.

        Where a used connection turns out to be dead, nothing has been sent, and `begin` gets a new one, once.

        Raises:
            Unavailable: all are busy.
        """
        async with self._slot():
            smtp, dirty = self._take()
            used = smtp is not None
            smtp = smtp or await self._connect()
            try:
                try:
                    if dirty:
                        await _reset(smtp)
                    await begin(smtp)
                except SendError:
                    if not used or smtp.is_connected:
                        raise
                    smtp = await self._connect()
                    await begin(smtp)
                yield smtp
            except SendError:
                self._put(smtp, dirty=True)
                raise
            except BaseException:
                # Cancelled in the middle: what the server says next would be taken for the answer to something else.
                smtp.close()
                raise
            self._put(smtp, dirty=False)

    async def close(self) -> None:
        """Take leave on idle connections; those in use are closed when they come back."""
        self._closed = True
        for smtp in list(self._idle):
            self._retire(smtp)
        if self._leaving:
            await asyncio.wait(self._leaving)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            raise Unavailable(
                f"all {self._size} connections to the mail server are busy", retry_after=1.0, blames="nobody"
            ) from None
        try:
            yield
        finally:
            self._free.release()

    def _take(self) -> tuple[SMTP | None, bool]:
        """The connection that was used last, if there is one, and whether it is dirty."""
        while self._idle:
            smtp, idle = self._idle.popitem()
            idle.end.cancel()
            if smtp.is_connected:
                return smtp, idle.dirty
        return None, False

    def _put(self, smtp: SMTP, *, dirty: bool) -> None:
        if self._closed or not smtp.is_connected:
            smtp.close()
        else:
            end = asyncio.get_running_loop().call_later(self._idle_seconds, self._retire, smtp)
            self._idle[smtp] = _Idle(dirty, end)

    def _retire(self, smtp: SMTP) -> None:
        self._idle.pop(smtp).end.cancel()
        leaving = asyncio.create_task(_leave(smtp, self._patience))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)


async def _reset(smtp: SMTP) -> None:
    """End the mail that was refused halfway. If that fails the connection is no more, as the next step will find."""
    try:
        await smtp.rset()
    except (SMTPException, OSError):
        smtp.close()


async def _leave(smtp: SMTP, patience: float) -> None:
    with suppress(SMTPException, OSError):
        await smtp.quit(timeout=patience)
    smtp.close()
