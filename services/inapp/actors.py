"""The lanes of the in-app channel, declared onto a broker they are given."""

from typing import cast

from services.inapp.compose import compose
from services.inapp.provider import Inbox
from services.inapp.settings import InAppSettings
from shared.delivery.service import declare_channel
from shared.ledger.inbox import Inboxes
from shared.ledger.work import Claimed
from shared.messages.content import Content
from shared.messages.inapp import InAppContent, InAppMessage
from shared.providers.route import Vendor
from shared.runtime import Runtime
from shared.settings import load_one


def declare(runtime: Runtime) -> None:
    """Declare inapp.critical, inapp.normal and inapp.bulk."""

    def message(item: Claimed, content: Content) -> InAppMessage:
        return compose(item, cast(InAppContent, content))

    load_one(InAppSettings, runtime.environ)
    inbox = Vendor[InAppMessage](InAppSettings, lambda _: Inbox(Inboxes(runtime.database)))
    declare_channel(runtime, "inapp", message, {Inbox.name: inbox}, (Inbox.name,))
