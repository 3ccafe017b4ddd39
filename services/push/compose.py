"""What a push goes through before it is sent: its icon, its size, how long it is worth something, how urgent it is."""

from collections.abc import Mapping
from uuid import UUID

import orjson

from shared.errors import Rejected
from shared.messages.push import ICON, NO_ICON, AndroidOptions, IosOptions, PushContent, PushMessage

MAX_PAYLOAD_BYTES = 4096
"""What APNs and FCM take: https://firebase.google.com/docs/cloud-messaging/concept-options#notification_messages and
https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification"""


def compose(
    content: PushContent, *, delivery_id: UUID, target: str, expires_in: float | None, lane: str
) -> PushMessage:
    """The message a provider sends.

    Parameters:
        target: the device's token, or `/topics/` and a topic.
        expires_in: seconds until it is worthless; the content's `ttl` can only shorten them.
        lane: where the content has no `priority`, `bulk` does not wake a sleeping device; the others do.

    Raises:
        Rejected: it is larger than a push may be, or its icon is neither of the two that there are.
    """
    if content.icon and not ICON.match(content.icon):
        # A template may have made it; a caller's was refused before.
        raise Rejected(f"icon: {NO_ICON}", code="icon")
    size = payload_size(content, delivery_id)
    if size > MAX_PAYLOAD_BYTES:
        raise Rejected(
            f"The push has {size} bytes; everything in it may have {MAX_PAYLOAD_BYTES} together.", code="too-large"
        )
    limits = [seconds for seconds in (expires_in, content.ttl) if seconds is not None]
    urgent = content.priority == "high" if content.priority else lane != "bulk"
    return PushMessage(delivery_id, target, content, ttl=min(limits, default=None), urgent=urgent)


def payload_size(content: PushContent, delivery_id: UUID) -> int:
    """Bytes of the payload that a device gets, as JSON, on the platform where it is largest."""
    ios, android = content.ios or IosOptions(), content.android or AndroidOptions()
    alert = {"title": content.title, "body": content.body}
    aps = {
        "alert": {**alert, "subtitle": ios.subtitle},
        "badge": content.badge,
        "sound": content.sound,
        "category": ios.category,
        "thread-id": ios.thread_id,
        "interruption-level": ios.interruption_level,
        "mutable-content": 1,
    }
    shown = {**alert, "sound": content.sound, "channel_id": android.channel_id, "color": android.color}
    forms = ({"aps": _given(aps)}, {"notification": _given(shown) | {"icon": content.icon}})
    common = {"image": content.image, "link": content.link, "crier_id": str(delivery_id), **content.data}
    return max(len(orjson.dumps({**form, **common})) for form in forms)


def _given(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
