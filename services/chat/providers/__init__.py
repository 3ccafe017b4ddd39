"""The chat providers there are: one, which speaks to every service."""

from services.chat.providers.apprise import AppriseChat, AppriseSettings
from shared.messages.chat import ChatMessage
from shared.providers.route import Vendor

VENDORS: dict[str, Vendor[ChatMessage]] = {AppriseChat.name: Vendor(AppriseSettings, AppriseChat)}
