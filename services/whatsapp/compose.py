"""What a WhatsApp message goes through before it is sent: there is something to say, and not too much of it."""

from uuid import UUID

from shared.errors import Rejected
from shared.messages.whatsapp import MAX_CHARACTERS, WhatsAppContent, WhatsAppMessage


def compose(content: WhatsAppContent, *, delivery_id: UUID, target: str, expires_in: float | None) -> WhatsAppMessage:
    """The message a provider sends.

    Parameters:
        target: the number, E.164.
        expires_in: seconds until it is worthless.

    Raises:
        Rejected: there is neither a text nor an approved template, or the text is too long.
    """
    text = (content.body or "").strip()
    if not text and not content.content_sid:
        raise Rejected("The text is empty.", code="empty")
    if len(text) > MAX_CHARACTERS:
        raise Rejected(f"The text has {len(text)} characters; WhatsApp takes {MAX_CHARACTERS}.", code="too-long")
    return WhatsAppMessage(delivery_id, target, content, validity=expires_in)
