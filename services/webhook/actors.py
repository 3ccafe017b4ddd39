"""The lanes of the webhook channel, declared onto a broker they are given."""

from typing import cast

from services.webhook.compose import compose, remembered
from services.webhook.sender import Sender
from services.webhook.settings import WebhookSettings
from shared.delivery.outcomes import RetryPolicy
from shared.delivery.service import declare_channel
from shared.delivery.timing import Timing
from shared.ledger.endpoints import Endpoints
from shared.ledger.failing import Failing
from shared.ledger.work import Claimed
from shared.messages.content import Content
from shared.messages.webhook import WebhookContent, WebhookMessage
from shared.providers.route import Vendor
from shared.runtime import Runtime
from shared.settings import load_one
from shared.ssrf import Reach

ENOUGH = 0.8
"""Share of a call's time after which an endpoint is no longer waited for: its silence is its own, not ours."""


def declare(runtime: Runtime) -> None:
    """Declare webhook.critical, webhook.normal and webhook.bulk. Raises SettingsError."""
    settings = load_one(WebhookSettings, runtime.environ)
    endpoints = Endpoints(runtime.database, runtime.sealer)
    look_up = remembered(endpoints)

    def message(item: Claimed, content: Content) -> WebhookMessage:
        return compose(
            cast(WebhookContent, content),
            look_up,
            delivery_id=item.id,
            project_id=item.project_id,
            target=item.target,
            deadline=Timing.of(runtime.settings, item.lane).call * ENOUGH,
        )

    sender = Vendor[WebhookMessage](
        Reach, lambda reach: Sender(Failing(runtime.database), reach, patience=settings.patience)
    )
    policy = RetryPolicy(delays=settings.seconds, waiting_limit=runtime.settings.waiting_limit)
    declare_channel(runtime, "webhook", message, {Sender.name: sender}, (Sender.name,), policy=policy)
