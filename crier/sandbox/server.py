"""The sandbox: every stand-in in one event loop, in a background thread or in the foreground."""

import asyncio
import logging
import shlex
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from crier.sandbox.behaviour import Behaviour, Rules, parse
from crier.sandbox.callbacks import Callbacks, manner_of
from crier.sandbox.control import Control
from crier.sandbox.exchange import Exchange, unknown
from crier.sandbox.journal import Entry, Journal, read
from crier.sandbox.page import Page
from crier.sandbox.preview import Preview
from crier.sandbox.smtp import SIZE_LIMIT, Smtp
from crier.sandbox.vendors import HTTP_VENDORS

HOST = "127.0.0.1"
_LARGEST_CALL = 64 * 1024 * 1024
_BACKLOG = 1024
_GRACE = 0.2
"""Seconds for answers under way when the sandbox stops."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the sandbox listens; 0 takes a free one."""

    http: int = 0
    smtp: int = 0
    smtps: int = 0


class Sandbox:
    """SMTP and vendor stand-ins with a journal of what they received.

    Use it as a context manager or with `start` and `stop` (a background thread), or await `run` in an event
    loop of your own. Each instance serves once. A folder that is used again keeps its journal and its service
    account.

    Parameters:
        folder: for the journal, the certificates and the service account; made if it does not exist.
        ports: where to listen. From here on connections wait until the sandbox serves.
        durable: sync every call to the disk before it is answered; `False` is for measuring.
        size_limit: the largest mail, in bytes.
        auth_without_tls: let SMTP clients log in on the plain port before STARTTLS.
        receipts_to: the gateway's address, such as http://127.0.0.1:8025, for the vendors' callbacks.

    Raises:
        OSError: a port is taken.
        ValueError: `receipts_to` is no address.
    """

    def __init__(
        self,
        folder: Path | str,
        ports: Ports | None = None,
        *,
        durable: bool = True,
        size_limit: int = SIZE_LIMIT,
        auth_without_tls: bool = False,
        receipts_to: str | None = None,
    ) -> None:
        self.folder = Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        wanted = ports or Ports()
        self._sockets = [_listen(port) for port in (wanted.http, wanted.smtp, wanted.smtps)]
        self.ports = Ports(*(listening.getsockname()[1] for listening in self._sockets))
        self.url = f"http://{HOST}:{self.ports.http}"
        self.rules = {name: Rules() for name in ("smtp", *(vendor.name for vendor in HTTP_VENDORS))}
        self.journal = Journal(self.folder / "journal.ndjson", durable=durable)
        self.smtp = Smtp(
            self.folder,
            self.rules["smtp"],
            self.journal,
            size_limit=size_limit,
            auth_without_tls=auth_without_tls,
        )
        self.vendors = {vendor.name: vendor(self.folder, self.url) for vendor in HTTP_VENDORS}
        self._callbacks = Callbacks(self.journal)
        self._receipts_to = receipts_to
        self.callbacks()
        for entry in read(self.journal.path):
            if entry.vendor in self.vendors:
                self.vendors[entry.vendor].remember(entry)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: Callable[[], None] = lambda: None

    @property
    def environment(self) -> dict[str, str]:
        """The settings that point Crier at the stand-ins."""
        settings = self.smtp.environment(self.ports.smtp)
        if self._receipts_to:
            settings["CRIER_PUBLIC_URL"] = self._receipts_to
        for vendor in self.vendors.values():
            settings |= vendor.environment()
        return settings

    @property
    def exports(self) -> str:
        """The settings as lines a POSIX shell can read."""
        return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in self.environment.items())

    def behave(self, vendor: str, **rule: Any) -> None:
        """Tell `vendor` how to behave: the fields of `Behaviour`. This rule goes before earlier ones.

        Raises:
            ValueError: there is no such vendor, or it cannot behave so.
        """
        self.rules_of(vendor).add(self.admit(vendor, parse(rule)))

    def reset(self, vendor: str | None = None) -> None:
        """Let `vendor`, or every one, answer as documented again; without one, callbacks are as at the start too."""
        for rules in [self.rules_of(vendor)] if vendor else self.rules.values():
            rules.set([])
        if vendor is None:
            self.callbacks()

    def callbacks(self, **manner: Any) -> None:
        """Make the vendors' callbacks in this manner from now on: the fields of `crier.sandbox.callbacks.Manner`.

        What is left out is as it was at the start.

        Raises:
            ValueError: there is no such field, or it cannot have that value.
        """
        self._callbacks.manner = manner_of({"to": self._receipts_to, **manner})
        for vendor in self.vendors.values():
            vendor.gateway = self._callbacks.manner.to

    def callbacks_shown(self) -> dict[str, Any]:
        """The manner of callbacks in its JSON form, and under `pending` how many answers have some to be made."""
        return self._callbacks.show()

    def simulate(self, vendor: str, event: str, /, **details: str) -> None:
        """Let something happen at `vendor` that it reports, as each documents: `simulate("twilio", "inbound", …)`.

        For a sandbox that was started, from any thread. The report goes out in the background.

        Raises:
            ValueError: there is no such vendor or event, or the details do not say enough.
        """
        if self._loop is None:
            raise RuntimeError("the sandbox is not running")
        reporting = {name: found for name, found in self.vendors.items() if found.events}
        if vendor not in reporting:
            raise ValueError(f"vendor: {', '.join(reporting)} report; not {vendor!r}")
        if event not in reporting[vendor].events:
            raise ValueError(f"event: {vendor} knows {', '.join(reporting[vendor].events)}; not {event!r}")
        self._loop.call_soon_threadsafe(self._callbacks.post, reporting[vendor].simulate(event, details))

    def calls(
        self,
        vendor: str | None = None,
        *,
        delivery: str | None = None,
        recipient: str | None = None,
        after: int = 0,
    ) -> Iterator[Entry]:
        """What was received, oldest first; see `crier.sandbox.journal.read`."""
        return read(self.journal.path, vendor=vendor, delivery=delivery, recipient=recipient, after=after)

    def rules_of(self, vendor: str) -> Rules:
        """The rules in force for `vendor`.

        Raises:
            ValueError: there is no such vendor.
        """
        if vendor not in self.rules:
            raise ValueError(f"vendor: there is {', '.join(self.rules)}; not {vendor!r}")
        return self.rules[vendor]

    def admit(self, vendor: str, rule: Behaviour) -> Behaviour:
        """`rule` with its stage filled in, if `vendor` can follow it, else `ValueError`."""
        return self.smtp.admit(rule) if vendor == self.smtp.name else self.vendors[vendor].admit(rule)

    def preview(self, entry: Entry) -> Preview:
        """What was sent, for a person to look at."""
        if entry.vendor == self.smtp.name:
            return self.smtp.preview(entry)
        vendor = self.vendors.get(entry.vendor)
        return Preview() if vendor is None else vendor.preview(entry)

    def clear(self) -> None:
        """Forget every call. For a sandbox that was started, from any thread but its own."""
        if self._loop is None:
            raise RuntimeError("the sandbox is not running")
        asyncio.run_coroutine_threadsafe(self.forget(), self._loop).result()

    async def forget(self) -> None:
        """Forget every call; in the sandbox's own event loop."""
        await self._callbacks.clear()
        await self.journal.clear()
        for vendor in self.vendors.values():
            vendor.forget()

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`, SIGTERM or SIGINT; `ready` is called when the stand-ins answer."""
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()

        def stop() -> None:
            loop.call_soon_threadsafe(stopping.set)

        self._loop, self._stop = loop, stop
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stopping.set)
        async with self._serving():
            ready()
            await stopping.wait()

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        # aiosmtpd warns of each connection that logs in, and of ports that need no STARTTLS.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        application = web.Application(client_max_size=_LARGEST_CALL)
        for name, vendor in self.vendors.items():
            application.add_routes(Exchange(vendor, self.rules[name], self.journal, self._callbacks).routes())
        application.add_routes(Control(self).routes())
        application.add_routes(Page(self).routes())
        application.router.add_route("*", "/{path:.*}", unknown(self.journal))
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=_GRACE)
        await runner.setup()
        http, starttls, implicit = self._sockets
        try:
            await web.SockSite(runner, http, backlog=_BACKLOG).start()
            await self.smtp.start(starttls, implicit)
            yield
        finally:
            await self.smtp.stop()
            await runner.cleanup()
            await self._callbacks.close()
            await self.journal.close()

    def start(self) -> Self:
        """Serve in a background thread; returns when the stand-ins answer."""
        ready = threading.Event()
        failures: list[Exception] = []

        def serve() -> None:
            try:
                asyncio.run(self.run(ready.set))
            except Exception as error:
                logging.getLogger(__name__).exception("the sandbox stopped")
                failures.append(error)
            finally:
                ready.set()

        self._thread = threading.Thread(target=serve, name="crier-sandbox", daemon=True)
        self._thread.start()
        ready.wait()
        if failures:
            raise failures[0]
        return self

    def stop(self) -> None:
        """Stop serving: connections are closed, the journal is complete."""
        with suppress(RuntimeError):  # the loop has ended by itself
            self._stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port), backlog=_BACKLOG)
    except OSError as error:
        raise OSError(error.errno, f"port {port} of {HOST} cannot be used: {error.strerror}") from error
