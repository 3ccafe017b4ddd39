"""The requests of one message: a plugin asks for them from its thread, Crier's client makes them on the event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from threading import Lock

from requests import PreparedRequest

from shared.chat.plugins import Stopped
from shared.errors import SendError
from shared.http import Reply

MOST = 5
"""Requests for one message, at most: a look-up or two, and the message."""

Make = Callable[[PreparedRequest], Awaitable[Reply]]


class Requested:
    """What a plugin asked for, and what was answered.

    Parameters:
        make: makes a request on `loop`. Raises SendError.

    Attributes:
        replies: in order; only the last of them can be no success, for nothing is asked after it.
        error: why there was no answer to the last.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, make: Make) -> None:
        self.replies: list[Reply] = []
        self.error: SendError | None = None
        self._loop = loop
        self._make = make
        self._open: Future[Reply] | None = None
        self._is_over = False
        self._lock = Lock()

    def answer(self, request: PreparedRequest) -> Reply:
        """The answer to a request; called by the plugin's thread. Raises Stopped when there is nothing more to do."""

        async def make() -> Reply:
            return await self._make(request)

        with self._lock:
            if self._is_over or len(self.replies) >= MOST:
                raise Stopped
            self._open = asyncio.run_coroutine_threadsafe(make(), self._loop)
        try:
            reply = self._open.result()
        except SendError as error:
            self.error = error
            raise Stopped from None
        except CancelledError:
            raise Stopped from None
        self.replies.append(reply)
        if not reply.ok:
            # A plugin may wait and try again; that is the ledger's.
            raise Stopped
        return reply

    def stop(self) -> None:
        """Let the plugin ask for nothing more, and have its thread back."""
        with self._lock:
            self._is_over = True
        if self._open is not None:
            self._open.cancel()
