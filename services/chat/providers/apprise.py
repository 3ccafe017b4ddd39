"""Every chat service, through Apprise: https://github.com/caronc/apprise.

Apprise turns a message into the requests of its service; they are made by Crier's own client (`shared/chat/plugins.py`
says why), which reaches no further than it may, follows no redirect, and tells what was refused from what may have
arrived. One message is one request that counts: what is too long for a service is cut off, never split, since of two
parts one might arrive.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import structlog
from requests import PreparedRequest

from services.chat.providers.answers import read
from services.chat.providers.exchange import Requested
from services.chat.words import words_for
from shared.chat.addresses import open_plugin
from shared.chat.plugins import Stopped, speaking_through
from shared.chat.services import SERVICES, Service
from shared.connector import connector
from shared.errors import Ambiguous, Rejected, SendError, Unavailable
from shared.http import HttpClient, Reply
from shared.messages.chat import ChatMessage
from shared.providers.port import Sent
from shared.settings import setting, url_of
from shared.ssrf import Reach

log = structlog.get_logger(__name__)


def _base(variable: str, title: str) -> str | None:
    told: str | None = setting(
        variable, f"Where {title} is, or a stand-in for it; unset: where it is.", default=None,
        check=url_of("https", "http"),
    )  # fmt: skip
    return told


@dataclass(frozen=True)
class AppriseSettings(Reach):
    """Where chat services are. What opens them is in the destinations."""

    slack: str | None = _base("SLACK_BASE_URL", "Slack")
    discord: str | None = _base("DISCORD_BASE_URL", "Discord")
    telegram: str | None = _base("TELEGRAM_BASE_URL", "Telegram")
    teams: str | None = _base("TEAMS_BASE_URL", "the workflows of Teams")


class AppriseChat:
    """Sends chat messages to destinations of projects.

    A server that somebody names is called where `Reach` lets it be; one of the settings is the operator's.
    """

    name = "apprise"
    concurrency = 32

    def __init__(self, settings: AppriseSettings) -> None:
        told = {name: getattr(settings, name) for name in ("slack", "discord", "telegram", "teams")}
        self._elsewhere = {name: url.rstrip("/") for name, url in told.items() if url}
        self._reach = settings
        self._threads = ThreadPoolExecutor(self.concurrency, thread_name_prefix="apprise")
        self._guarded = HttpClient(connections=self.concurrency, connector=partial(connector, self._reach))
        self._trusted = HttpClient(connections=self.concurrency)

    def destination(self, message: ChatMessage) -> str:
        """The destination: one that fails says nothing of others."""
        return message.to

    async def send(self, message: ChatMessage) -> Sent:
        """Send one message to one destination."""
        loop = asyncio.get_running_loop()
        requested = Requested(loop, partial(self._make, message.service))
        with speaking_through(requested):
            context = copy_context()
        work = partial(context.run, _written, message)
        try:
            async with asyncio.timeout(message.deadline):
                service, took, shortened = await loop.run_in_executor(self._threads, work)
        except TimeoutError:
            raise Ambiguous(
                f"{message.service} did not answer within {message.deadline:g} s: nobody knows whether it was sent.",
                code="timeout", blames="destination",
            ) from None  # fmt: skip
        finally:
            requested.stop()
        if requested.error is not None:
            raise _of_destination(requested.error)
        if not requested.replies:
            raise Rejected("Apprise could not write this message.", code="apprise")
        return read(service, requested.replies[-1], took=took, shortened=shortened)

    async def close(self) -> None:
        """Close the pooled connections. Threads that still wait for an answer have been told to end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._guarded.close()
        await self._trusted.close()

    async def _make(self, service: str, request: PreparedRequest) -> Reply:
        url, client = str(request.url), self._guarded
        if base := self._elsewhere.get(service):
            asked = urlsplit(url)
            url, client = f"{base}{asked.path}{f'?{asked.query}' if asked.query else ''}", self._trusted
        else:
            try:
                url = self._reach.url(url)
            except ValueError as error:
                raise Rejected(f"The destination's address is not called. {error}", code="address") from None
        body = request.body.encode() if isinstance(request.body, str) else request.body
        if body:
            body = SERVICES[service].quiet(body)
        headers = {
            name: value for name, value in request.headers.items() if name not in ("Content-Length", "User-Agent")
        }
        return await client.request(request.method or "POST", url, headers=headers, content=body)


def _written(message: ChatMessage) -> tuple[Service, bool, bool]:
    """Have Apprise write the message; in a thread, for it waits for answers. Whether it took them for an acceptance."""
    from apprise import NotifyFormat, NotifyType, OverflowMode

    try:
        service, plugin = open_plugin(message.url)
    except ValueError as error:
        raise Rejected(f"The destination's address is not one any more. {error}", code="address") from None
    words = words_for(message.content, service, plugin)
    try:
        took: Any = plugin.notify(
            body=words.body, title=words.title, notify_type=NotifyType(message.content.level),
            body_format=NotifyFormat(words.format), overflow=OverflowMode.TRUNCATE,
        )  # fmt: skip
    except Stopped:
        took = False
    except Exception as error:  # noqa: BLE001  (a plugin's; its text may hold tokens, so it goes no further)
        log.warning("a plugin of Apprise's failed", service=service.name, error=type(error).__name__)
        took = False
    return service, bool(took), words.shortened


def _of_destination(error: SendError) -> SendError:
    """A failure of a destination, which says nothing of others."""
    if isinstance(error, Unavailable):
        return Unavailable(error.reason, code=error.code or "connection", blames="destination")
    if isinstance(error, Ambiguous):
        return Ambiguous(error.reason, code=error.code or "connection", blames="destination")
    return error
