"""What an SMS goes through before it is sent: the length policy."""

from uuid import UUID

from shared.errors import Rejected
from shared.messages.segments import measure, truncate
from shared.messages.sms import SmsContent, SmsMessage


def compose(
    content: SmsContent, *, delivery_id: UUID, target: str, expires_in: float | None, length: str, max_segments: int
) -> SmsMessage:
    """The message a provider sends.

    Parameters:
        target: the number, E.164.
        expires_in: seconds until it is worthless.
        length: `reject`, `truncate` or `allow` a text of more than `max_segments` SMS.

    Raises:
        Rejected: the text is empty, or too long under `reject`.
    """
    if not content.body.strip():
        raise Rejected("The text is empty.", code="empty")
    found = measure(content.body)
    if found.segments > max_segments and length == "reject":
        raise Rejected(
            f"The text takes {found.segments} SMS ({found.units} units of {found.encoding.name}); "
            f"CRIER_SMS_MAX_SEGMENTS allows {max_segments}.",
            code="too-long",
        )
    if found.segments > max_segments and length == "truncate":
        content = SmsContent(truncate(content.body, max_segments))
    return SmsMessage(delivery_id, target, content, validity=expires_in)
