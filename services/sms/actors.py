"""The lanes of the sms channel, declared onto a broker they are given."""

from typing import cast

from services.sms.compose import compose
from services.sms.guard import Guard
from services.sms.limit_settings import SmsLimitSettings
from services.sms.providers import VENDORS
from services.sms.settings import SmsSettings
from shared.delivery.service import declare_channel
from shared.ledger.sms_usage import SmsUsage
from shared.ledger.work import Claimed
from shared.messages.content import Content
from shared.messages.sms import SmsContent, SmsMessage
from shared.runtime import Runtime
from shared.settings import load


def declare(runtime: Runtime) -> None:
    """Declare sms.critical, sms.normal and sms.bulk. Raises SettingsError for a route that is not configured."""
    settings, limits = load(SmsSettings, SmsLimitSettings, environ=runtime.environ)

    def message(item: Claimed, content: Content) -> SmsMessage:
        return compose(
            cast(SmsContent, content),
            settings,
            delivery_id=item.id,
            target=item.target,
            expires_in=item.expires_in,
            senders={**settings.senders, **runtime.identities.of(item.project_id).sms_senders},
        )

    guard = Guard(SmsUsage(runtime.database), limits)
    declare_channel(runtime, "sms", message, VENDORS, settings.route, rates=settings.rates, admit=guard.admit)
