"""Stand-ins of chat services: Slack, Discord, Telegram, and the workflows of Teams.

Each takes messages to any name with the sandbox's token, and refuses others as its vendor does. `url(name)` is the
address of such a destination, as `crier chats add` takes it.
"""

from crier.sandbox.chat.discord import Discord
from crier.sandbox.chat.slack import Slack
from crier.sandbox.chat.teams import Teams
from crier.sandbox.chat.telegram import Telegram

__all__ = ["Discord", "Slack", "Teams", "Telegram"]
