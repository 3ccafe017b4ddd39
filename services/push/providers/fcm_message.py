"""A push as FCM's HTTP v1 API wants it: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages."""

import re
from typing import Any

from shared.errors import Rejected
from shared.messages.push import PushContent, PushMessage

ID_KEY = "crier_id"
LINK_KEY = "link"
MAX_TTL = 2_419_200
"""Seconds, four weeks: the most FCM keeps a message, and what applies without a ttl."""
MAX_COLLAPSE_ID_BYTES = 64
"""Of `apns-collapse-id`: https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns"""

# Keys of FCM's own: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message (data).
_RESERVED = re.compile(r"from|gcm|message_type|google.*|gcm\.notification\..*")


def fcm_message(message: PushMessage, now: float) -> dict[str, Any]:
    """The body of `messages:send`.

    The link is in the data, where an app finds it, and a browser gets it if it is https. It is no `click_action`: on
    Android that names an intent of the app, and with any other value a tap opens nothing.

    Parameters:
        now: Unix time, for APNs, which wants to know until when and not for how long.

    Raises:
        Rejected: FCM or APNs would refuse it.
    """
    content = message.content
    shown = {"title": content.title, "body": content.body}
    if content.image:
        shown["image"] = content.image
    android: dict[str, Any] = {"priority": "HIGH" if message.urgent else "NORMAL"}
    apple = {"apns-priority": "10" if message.urgent else "5"}
    web = {"Urgency": "high" if message.urgent else "normal"}
    if message.ttl is not None:
        ttl = min(max(int(message.ttl), 0), MAX_TTL)
        android["ttl"], apple["apns-expiration"], web["TTL"] = f"{ttl}s", str(int(now) + ttl), str(ttl)
    if content.collapse_key:
        if len(content.collapse_key.encode()) > MAX_COLLAPSE_ID_BYTES:
            raise Rejected(f"collapse_key may have {MAX_COLLAPSE_ID_BYTES} bytes in UTF-8.", code="collapse_key")
        android["collapse_key"] = apple["apns-collapse-id"] = content.collapse_key
    webpush: dict[str, Any] = {"headers": web}
    if content.link and content.link.startswith("https://"):
        webpush["fcm_options"] = {"link": content.link}
    return {
        "message": {
            "token": message.token,
            "notification": shown,
            "data": _data(content, str(message.delivery_id)),
            "android": android,
            "apns": {"headers": apple, "payload": {"aps": _aps(content)}},
            "webpush": webpush,
        }
    }


def _data(content: PushContent, delivery_id: str) -> dict[str, str]:
    for key in content.data:
        if key == ID_KEY or _RESERVED.fullmatch(key):
            raise Rejected(f"data.{key}: this key is reserved; choose another.", code="data")
    ours = {ID_KEY: delivery_id} | ({LINK_KEY: content.link} if content.link else {})
    if content.link and content.data.get(LINK_KEY, content.link) != content.link:
        raise Rejected(f"data.{LINK_KEY} is not the link: give one of them.", code="data")
    return {**content.data, **ours}


def _aps(content: PushContent) -> dict[str, int]:
    """What APNs gets besides title and body. An image is fetched by the app, which is woken for it by the flag."""
    aps: dict[str, int] = {}
    if content.badge is not None:
        aps["badge"] = content.badge
    if content.image:
        aps["mutable-content"] = 1
    return aps
