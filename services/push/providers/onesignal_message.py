"""A push as OneSignal's API wants it: https://documentation.onesignal.com/reference/push-notification."""

import re
from typing import Any

import orjson

from shared.errors import Rejected
from shared.messages.push import AndroidOptions, IosOptions, PushContent, PushMessage
from shared.receipts.onesignal import SEGMENT

ID_KEY = "crier_id"
LANGUAGE = "en"
"""The API requires English text "but can be any language desired": it is what whoever has no text of their own gets.
Ours is the only text, in the recipient's language already."""
MAX_TTL = 2_419_200
"""Seconds, 28 days; without a ttl OneSignal keeps a push for 3 days."""
MAX_DATA_BYTES = 2048
"""Of the data as JSON: https://documentation.onesignal.com/docs/push#additional-data"""
MAX_COLLAPSE_ID = 64
"""Characters for OneSignal and bytes for Apple."""

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_APP_LINK = re.compile(r"[a-z][a-z0-9+.-]*://.+", re.IGNORECASE)


def onesignal_message(message: PushMessage, app_id: str) -> dict[str, Any]:
    """The body of `POST /notifications`.

    The delivery's id is the idempotency key: any UUID of RFC 9562 may be, and it is the same at every try. It is the
    name too, which OneSignal's events give back.

    Raises:
        Rejected: OneSignal would refuse it, or could not do what it asks for.
    """
    content, key = message.content, str(message.delivery_id)
    fields = {
        "app_id": app_id,
        **_target(message),
        "name": key if message.topic is None else SEGMENT + key,
        "idempotency_key": key,
        "headings": {LANGUAGE: content.title},
        "contents": {LANGUAGE: content.body},
        "data": _data(content, key),
        "priority": 10 if message.urgent else 5,
        "ttl": None if message.ttl is None else min(max(int(message.ttl), 0), MAX_TTL),
        "collapse_id": _collapse_id(content),
        **_link(content),
        **_picture(content),
        **_android(content),
        **_ios(content),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _target(message: PushMessage) -> dict[str, Any]:
    """A topic is a segment of that name, which is made in OneSignal."""
    if message.topic is not None:
        return {"included_segments": [message.topic], "target_channel": "push"}
    if not _UUID.fullmatch(message.token):
        raise Rejected(
            "This device's token is not a OneSignal subscription id (a UUID); it looks like one of another vendor's, "
            "such as FCM's: register the subscription id that OneSignal's SDK shows.",
            code="target",
        )
    return {"include_subscription_ids": [message.token]}


def _data(content: PushContent, key: str) -> dict[str, str]:
    if ID_KEY in content.data:
        raise Rejected(f"data.{ID_KEY}: this key is reserved; choose another.", code="data")
    data = {**content.data, ID_KEY: key}
    if (size := len(orjson.dumps(data))) > MAX_DATA_BYTES:
        raise Rejected(f"data has {size} bytes with our id; OneSignal takes {MAX_DATA_BYTES}.", code="too-large")
    return data


def _collapse_id(content: PushContent) -> str | None:
    if content.collapse_key and len(content.collapse_key.encode()) > MAX_COLLAPSE_ID:
        raise Rejected(f"collapse_key may have {MAX_COLLAPSE_ID} bytes in UTF-8.", code="collapse_key")
    return content.collapse_key or None


def _link(content: PushContent) -> dict[str, str]:
    link = content.link
    if not link:
        return {}
    if link.startswith("https://"):
        return {"url": link}
    if _APP_LINK.fullmatch(link) and not link.startswith("http://"):
        return {"app_url": link}
    raise Rejected("link must be an https address or one of the app's own (myapp://…) for OneSignal.", code="link")


def _picture(content: PushContent) -> dict[str, Any]:
    if not content.image:
        return {}
    return {
        "big_picture": content.image,
        "ios_attachments": {"image": content.image},
        "chrome_web_image": content.image,
    }


def _android(content: PushContent) -> dict[str, str | None]:
    """What Android and browsers show. The sound is the notification channel's there. A colour is ARGB."""
    options = content.android or AndroidOptions()
    for_web = content.icon is not None and content.icon.startswith("https://")
    return {
        "small_icon": None if for_web else content.icon,
        "chrome_web_icon": content.icon if for_web else None,
        "existing_android_channel_id": options.channel_id,
        "android_accent_color": f"FF{options.color.removeprefix('#').upper()}" if options.color else None,
    }


def _ios(content: PushContent) -> dict[str, Any]:
    """What Apple's systems show. OneSignal plays the default sound where none is named."""
    options = content.ios or IosOptions()
    level = options.interruption_level
    return {
        "subtitle": {LANGUAGE: options.subtitle} if options.subtitle else None,
        "ios_category": options.category,
        "thread_id": options.thread_id,
        "ios_interruption_level": level.replace("-", "_") if level else None,
        "ios_sound": None if content.sound == "default" else content.sound,
        "ios_badgeType": None if content.badge is None else "SetTo",
        "ios_badgeCount": content.badge,
    }
