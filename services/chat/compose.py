"""What a chat message goes through before it is sent: its destination must be there."""

from collections.abc import Callable
from threading import Lock
from uuid import UUID

from cachetools import TTLCache, cached

from shared.errors import Rejected
from shared.ledger.chats import Chats, OpenChat
from shared.messages.chat import ChatContent, ChatMessage

REMEMBERED_FOR = 1.0
"""Seconds a destination is believed to be as it was: how late a change of it is noticed at most."""

LookUp = Callable[[UUID], OpenChat | None]


def remembered(chats: Chats) -> LookUp:
    """Looks destinations up, each at most once in `REMEMBERED_FOR`. Raises LedgerUnavailable."""
    return cached(TTLCache(maxsize=10_000, ttl=REMEMBERED_FOR), lock=Lock())(chats.opened)


def compose(
    content: ChatContent, look_up: LookUp, *, delivery_id: UUID, project_id: int, target: str, deadline: float
) -> ChatMessage:
    """The message that is sent.

    Parameters:
        target: the destination's id.
        deadline: seconds the call may take.

    Raises:
        Rejected: the destination was deleted.
    """
    found = look_up(UUID(target))
    if found is None or found.chat.project_id != project_id:
        raise Rejected("The destination was deleted.", code="deleted")
    return ChatMessage(
        delivery_id=delivery_id,
        to=target,
        content=content,
        name=found.chat.name,
        service=found.chat.service,
        url=found.url,
        deadline=deadline,
    )
