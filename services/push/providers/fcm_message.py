"""A push as FCM's HTTP v1 API wants it: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages."""

import re
from pathlib import PurePosixPath
from typing import Any

from services.push.compose import payload_size
from shared.errors import Rejected
from shared.messages.push import AndroidOptions, IosOptions, PushContent, PushMessage

ID_KEY = "crier_id"
LINK_KEY = "link"
MAX_TTL = 2_419_200
"""Seconds, four weeks: the most FCM keeps a message, and what applies without a ttl."""
MAX_COLLAPSE_ID_BYTES = 64
"""Of `apns-collapse-id`: https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns"""
MAX_TOPIC_BYTES = 2048
"""Of a message to a topic: https://firebase.google.com/docs/cloud-messaging/concept-options#notification_messages"""

# Keys of FCM's own: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message (data).
_RESERVED = re.compile(r"from|gcm|message_type|google.*|gcm\.notification\..*")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


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
    if only_android := _android(content):
        android["notification"] = only_android
    return {
        "message": {
            **_target(message),
            "notification": shown,
            "data": _data(content, str(message.delivery_id)),
            "android": android,
            "apns": {"headers": apple, "payload": {"aps": _aps(content)}},
            "webpush": {"headers": web, **_web(content)},
        }
    }


def _target(message: PushMessage) -> dict[str, str]:
    if message.topic is None:
        if _UUID.fullmatch(message.token):
            # FCM would call it invalid, and a good subscription would be forgotten.
            raise Rejected(
                "This device's token is a UUID, as OneSignal's subscription ids are: FCM has no such tokens.",
                code="target",
            )
        return {"token": message.token}
    size = payload_size(message.content, message.delivery_id)
    if size > MAX_TOPIC_BYTES:
        raise Rejected(f"The push has {size} bytes; one to a topic may have {MAX_TOPIC_BYTES}.", code="too-large")
    return {"topic": message.topic}


def _data(content: PushContent, delivery_id: str) -> dict[str, str]:
    for key in content.data:
        if key == ID_KEY or _RESERVED.fullmatch(key):
            raise Rejected(f"data.{key}: this key is reserved; choose another.", code="data")
    ours = {ID_KEY: delivery_id} | ({LINK_KEY: content.link} if content.link else {})
    if content.link and content.data.get(LINK_KEY, content.link) != content.link:
        raise Rejected(f"data.{LINK_KEY} is not the link: give one of them.", code="data")
    return {**content.data, **ours}


def _android(content: PushContent) -> dict[str, str]:
    """What only Android shows. It names sounds without the ending of their file, as all resources."""
    options = content.android or AndroidOptions()
    fields = {
        "icon": None if _is_address(content.icon) else content.icon,
        "sound": PurePosixPath(content.sound).stem if content.sound else None,
        "channel_id": options.channel_id,
        "color": options.color,
    }
    return {name: value for name, value in fields.items() if value}


def _aps(content: PushContent) -> dict[str, Any]:
    """Apple's keys: https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification.

    A payload with an `alert` replaces the title and body that FCM would put there, so it is whole or absent. An image
    is fetched by the app, which is woken for it by the flag. A critical alert's sound is an object.
    """
    options = content.ios or IosOptions()
    sound: str | dict[str, Any] | None = content.sound
    if sound and options.interruption_level == "critical":
        sound = {"critical": 1, "name": sound, "volume": 1.0}
    alert = {"title": content.title, "subtitle": options.subtitle, "body": content.body} if options.subtitle else None
    fields = {
        "alert": alert,
        "badge": content.badge,
        "sound": sound,
        "category": options.category,
        "thread-id": options.thread_id,
        "interruption-level": options.interruption_level,
        "mutable-content": 1 if content.image else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _web(content: PushContent) -> dict[str, dict[str, str | None]]:
    """What only browsers get: an icon has an address there, and a link must be https."""
    parts: dict[str, dict[str, str | None]] = {}
    if _is_address(content.icon):
        parts["notification"] = {"icon": content.icon}
    if content.link and content.link.startswith("https://"):
        parts["fcm_options"] = {"link": content.link}
    return parts


def _is_address(icon: str | None) -> bool:
    return icon is not None and icon.startswith("https://")
