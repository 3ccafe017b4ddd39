"""What a push goes through before it is sent: its size, and how urgent it is."""

from uuid import UUID

import orjson

from shared.errors import Rejected
from shared.messages.push import PushContent, PushMessage

MAX_PAYLOAD_BYTES = 4096
"""What APNs and FCM take: https://firebase.google.com/docs/cloud-messaging/concept-options#notification_messages and
https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification"""


def compose(
    content: PushContent, *, delivery_id: UUID, target: str, expires_in: float | None, lane: str
) -> PushMessage:
    """The message a provider sends.

    Parameters:
        target: the device's registration token.
        expires_in: seconds until it is worthless.
        lane: `bulk` does not wake a sleeping device; the others do.

    Raises:
        Rejected: it is larger than a push may be.
    """
    size = payload_size(content, delivery_id)
    if size > MAX_PAYLOAD_BYTES:
        raise Rejected(
            f"The push has {size} bytes; title, body, image, link and data may have {MAX_PAYLOAD_BYTES} together.",
            code="too-large",
        )
    return PushMessage(delivery_id, target, content, ttl=expires_in, urgent=lane != "bulk")


def payload_size(content: PushContent, delivery_id: UUID) -> int:
    """Bytes of the payload that a device gets, as JSON in the form of APNs: no platform's is larger."""
    alert = {"title": content.title, "body": content.body}
    payload = {
        "aps": {"alert": alert, "badge": content.badge, "mutable-content": 1},
        "fcm_options": {"image": content.image},
        "link": content.link,
        "crier_id": str(delivery_id),
        **content.data,
    }
    return len(orjson.dumps(payload))
