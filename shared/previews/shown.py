"""What is drawn: a message, and what is worth saying beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Shown:
    """A message to look at.

    Parameters:
        channel: one of `shared.messages.content.CHANNELS`; another one is drawn as JSON.
        content: its JSON form, as `dump_content` gives it.
        to: address, number or device it went to.
        sender: address, number or name it comes from.
        at: when it was sent, or would have been.
        facts: names and values worth a line each.
    """

    channel: str
    content: Mapping[str, Any]
    to: str | None = None
    sender: str | None = None
    at: datetime | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
