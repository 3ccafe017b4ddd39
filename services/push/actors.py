"""The lanes of the push channel, declared onto a broker they are given."""

from typing import cast

from services.push.compose import compose
from services.push.providers import VENDORS
from services.push.settings import PushSettings
from shared.delivery.service import declare_channel
from shared.ledger.work import Claimed
from shared.messages.content import Content
from shared.messages.push import PushContent, PushMessage
from shared.runtime import Runtime
from shared.settings import load_one


def declare(runtime: Runtime) -> None:
    """Declare push.critical, push.normal and push.bulk. Raises SettingsError for a route that is not configured."""
    settings = load_one(PushSettings, runtime.environ)

    def message(item: Claimed, content: Content) -> PushMessage:
        return compose(
            cast(PushContent, content),
            delivery_id=item.id,
            target=item.target,
            expires_in=item.expires_in,
            lane=item.lane,
        )

    declare_channel(runtime, "push", message, VENDORS, settings.route, rates=settings.rates)
