"""Sends webhooks as Standard Webhooks wants them: signed, with an id that stays the same from try to try.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import structlog
from standardwebhooks import Webhook

from shared.connector import connector
from shared.errors import Ambiguous, LedgerUnavailable, Rejected, SendError, Unavailable
from shared.http import HttpClient, Reply
from shared.ledger.failing import Failing
from shared.messages.webhook import WebhookMessage
from shared.providers.port import Sent
from shared.ssrf import Reach

GONE = 410
LEAST_WAIT = 60.0
"""Seconds waited at least when an endpoint asks for patience: waiting costs no attempt."""
NOTING = 1.0
"""Seconds it may take to write down how an endpoint does: the call has no more left (`services/webhook/actors.py`)."""
log = structlog.get_logger(__name__)


class Sender:
    """Posts webhooks, and keeps the record of endpoints that fail.

    Parameters:
        patience: seconds an endpoint may fail before it is disabled.
    """

    name = "webhook"
    concurrency = 100
    idempotent = True
    """Receivers tell a repetition by its `webhook-id`, as Standard Webhooks asks of them."""

    def __init__(self, failing: Failing, reach: Reach, *, patience: float) -> None:
        self._failing = failing
        self._reach = reach
        self._patience = patience
        self._http = HttpClient(connections=self.concurrency, connector=partial(connector, reach))

    def destination(self, message: WebhookMessage) -> str:
        """The endpoint: one that fails says nothing of others."""
        return message.to

    async def send(self, message: WebhookMessage) -> Sent:
        """Post one webhook. Any answer of success is the final one.

        Raises:
            Rejected: it must not be called, or wants no more webhooks.
            Unavailable: any other answer, or none: a repetition does no harm.
        """
        try:
            url = self._reach.url(message.url)
        except ValueError as error:
            raise Rejected(f"The endpoint's address is not called. {error}", code="address") from None
        try:
            reply = await self._post(url, message)
        except SendError as error:
            await self._failed(message, error.reason)
            raise
        if not reply.ok:
            said = f"The endpoint answered {reply.status}"
            await self._failed(message, said, gone=reply.status == GONE)
            raise _refusal(reply, said)
        if message.is_failing:
            await self._note(self._failing.succeeded, UUID(message.to))
        return Sent(reference=str(message.delivery_id), detail=f"HTTP {reply.status}", delivered=True)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()

    async def _post(self, url: str, message: WebhookMessage) -> Reply:
        try:
            async with asyncio.timeout(message.deadline):
                return await self._http.request(
                    "POST", url, headers=headers_of(message, datetime.now(UTC)), content=message.body
                )
        except TimeoutError:
            reason = f"The endpoint did not answer within {message.deadline:g} s"
            raise Unavailable(f"{reason}.", code="timeout", blames="destination") from None
        except (Unavailable, Ambiguous) as error:
            raise Unavailable(error.reason, code="connection", blames="destination") from None

    async def _failed(self, message: WebhookMessage, reason: str, *, gone: bool = False) -> None:
        days = self._patience / 86_400
        why = f"{reason}, which means that it wants no more." if gone else f"It failed for {days:g} days: {reason}"
        identifier = UUID(message.to)
        failed = partial(self._failing.failed, identifier, why, patience=self._patience, at_once=gone)
        if await self._note(failed):
            log.error("an endpoint is disabled", endpoint=message.to, reason=why)

    async def _note(self, write: Callable[..., object], *arguments: object) -> object:
        """Write something of an endpoint down. Where the ledger is away the next answer does."""
        try:
            async with asyncio.timeout(NOTING):
                return await asyncio.to_thread(write, *arguments)
        except (LedgerUnavailable, TimeoutError) as error:
            log.warning("what became of an endpoint is not written down", reason=str(error))
            return None


def headers_of(message: WebhookMessage, now: datetime) -> dict[str, str]:
    """The headers of a try at the moment `now`: a signature for each secret."""
    identifier, body = str(message.delivery_id), message.body.decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Crier (Standard Webhooks)",
        "webhook-id": identifier,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(identifier, now, body) for secret in message.secrets),
    }


def _refusal(reply: Reply, said: str) -> SendError:
    code = str(reply.status)
    if reply.status == GONE:
        return Rejected(f"{said}: it wants no more webhooks, and is disabled.", code=code)
    if 300 <= reply.status < 400:
        said += ", and redirects are not followed: register the address it leads to"
    wait = reply.retry_after
    return Unavailable(
        f"{said}.", code=code, retry_after=None if wait is None else max(wait, LEAST_WAIT), blames="destination"
    )
