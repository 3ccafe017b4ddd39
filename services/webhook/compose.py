"""What a webhook goes through before it is sent: its endpoint must be there and enabled, and its secrets sign it."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from uuid import UUID

from cachetools import TTLCache, cached

from shared.errors import Rejected
from shared.ledger.endpoints import Endpoints, Signing
from shared.ledger.ids import moment_of
from shared.messages.webhook import WebhookContent, WebhookMessage, payload

REMEMBERED_FOR = 1.0
"""Seconds an endpoint is believed to be as it was: how late a change of it is noticed at most."""

LookUp = Callable[[UUID], Signing | None]


def remembered(endpoints: Endpoints) -> LookUp:
    """Looks endpoints up, each at most once in `REMEMBERED_FOR`. Raises LedgerUnavailable."""

    @cached(TTLCache(maxsize=10_000, ttl=REMEMBERED_FOR), lock=Lock())
    def look_up(identifier: UUID) -> Signing | None:
        return endpoints.signing(identifier, now=datetime.now(UTC))

    return look_up


def compose(
    content: WebhookContent, look_up: LookUp, *, delivery_id: UUID, project_id: int, target: str, deadline: float
) -> WebhookMessage:
    """The message that is sent.

    Parameters:
        target: the endpoint's id.
        deadline: seconds the call may take.

    Raises:
        Rejected: the endpoint was deleted, or is disabled.
    """
    found = look_up(UUID(target))
    if found is None or found.endpoint.project_id != project_id:
        raise Rejected("The endpoint was deleted.", code="deleted")
    endpoint = found.endpoint
    if endpoint.disabled_at is not None:
        raise Rejected(
            f"The endpoint is disabled. {endpoint.disabled_reason} `crier webhooks enable` sends to it again, and "
            "`crier webhooks replay` what it missed.",
            code="disabled",
        )
    return WebhookMessage(
        delivery_id=delivery_id,
        to=target,
        url=endpoint.url,
        content=content,
        body=payload(content, moment_of(delivery_id)),
        secrets=found.secrets,
        is_failing=endpoint.failing_since is not None,
        deadline=deadline,
    )
