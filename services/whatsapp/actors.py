"""The lanes of the whatsapp channel, declared onto a broker they are given."""

from typing import cast

from services.whatsapp.compose import compose
from services.whatsapp.providers import VENDORS
from services.whatsapp.settings import WhatsAppSettings
from shared.delivery.service import declare_channel
from shared.ledger.work import Claimed
from shared.messages.content import Content
from shared.messages.whatsapp import WhatsAppContent, WhatsAppMessage
from shared.runtime import Runtime
from shared.settings import load_one


def declare(runtime: Runtime) -> None:
    """Declare whatsapp.critical, whatsapp.normal and whatsapp.bulk. Raises SettingsError for a route that is not
    configured."""
    settings = load_one(WhatsAppSettings, runtime.environ)

    def message(item: Claimed, content: Content) -> WhatsAppMessage:
        return compose(
            cast(WhatsAppContent, content), delivery_id=item.id, target=item.target, expires_in=item.expires_in
        )

    declare_channel(runtime, "whatsapp", message, VENDORS, settings.route, rates=settings.rates)
