"""The lanes of the chat channel, declared onto a broker they are given."""

from typing import cast

from services.chat.compose import compose, remembered
from services.chat.providers import VENDORS
from services.chat.settings import ChatSettings
from shared.delivery.service import declare_channel
from shared.delivery.timing import Timing
from shared.ledger.chats import Chats
from shared.ledger.work import Claimed
from shared.messages.chat import ChatContent, ChatMessage
from shared.messages.content import Content
from shared.runtime import Runtime
from shared.settings import load_one

ENOUGH = 0.8
"""Share of a call's time after which a destination is no longer waited for: its silence is its own, not ours."""


def declare(runtime: Runtime) -> None:
    """Declare chat.critical, chat.normal and chat.bulk. Raises SettingsError.

    What there is to configure of the provider is in the destinations, so it sends unless CRIER_CHAT_ROUTE says outbox.
    """
    settings = load_one(ChatSettings, runtime.environ)
    look_up = remembered(Chats(runtime.database, runtime.sealer))

    def message(item: Claimed, content: Content) -> ChatMessage:
        return compose(
            cast(ChatContent, content),
            look_up,
            delivery_id=item.id,
            project_id=item.project_id,
            target=item.target,
            deadline=Timing.of(runtime.settings, item.lane).call * ENOUGH,
        )

    declare_channel(runtime, "chat", message, VENDORS, settings.route or tuple(VENDORS), rates=settings.rates)
