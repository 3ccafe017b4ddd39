"""The lanes of the email channel, declared onto a broker they are given."""

from typing import cast

from services.email.compose import compose
from services.email.providers import VENDORS
from services.email.settings import EmailSettings
from shared.delivery.service import declare_channel
from shared.ledger.work import Claimed
from shared.messages.content import Content
from shared.messages.email import EmailContent, EmailMessage
from shared.runtime import Runtime
from shared.senders.allowed import AllowedSenders
from shared.settings import load


def declare(runtime: Runtime) -> None:
    """Declare email.critical, email.normal and email.bulk. Raises SettingsError for a route that is not configured."""
    settings, allowed = load(EmailSettings, AllowedSenders, environ=runtime.environ)

    def message(item: Claimed, content: Content) -> EmailMessage:
        return compose(
            cast(EmailContent, content),
            delivery_id=item.id,
            target=item.target,
            recipient=runtime.renderer.recipient(item),
            kind=item.kind,
            from_template=item.template_id is not None,
            identity=runtime.identities.of(item.project_id),
            allowed=allowed,
            own_link=not item.recipient.get("unsubscribe_url"),
        )

    declare_channel(runtime, "email", message, VENDORS, settings.route, rates=settings.rates)
