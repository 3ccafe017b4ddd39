"""Pushes as the stand-ins received them.

How long one is kept and how urgent it is goes by its lane and its `expires_at` too, and is not read back.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import orjson

from crier.demo.arrived.arrival import Arrived
from crier.sandbox import Entry
from shared.messages.push import TOPIC, AndroidOptions, IosOptions, PushContent

T = TypeVar("T", AndroidOptions, IosOptions)

# What Crier adds to an app's data: its own id, and the link.
_ADDED = ("crier_id", "link")


def of_fcm(entry: Entry) -> Arrived:
    """A push in FCM's form."""
    message: Mapping[str, Any] = orjson.loads(entry.received["body"])["message"]
    shown, data, aps = message["notification"], message.get("data", {}), message["apns"]["payload"]["aps"]
    on_android, in_browsers = message["android"].get("notification", {}), message.get("webpush", {})
    sound = aps.get("sound")
    content = PushContent(
        title=shown["title"],
        body=shown["body"],
        image=shown.get("image"),
        icon=on_android.get("icon") or in_browsers.get("notification", {}).get("icon"),
        link=data.get("link"),
        data={name: value for name, value in data.items() if name not in _ADDED},
        badge=aps.get("badge"),
        sound=sound["name"] if isinstance(sound, dict) else sound,
        collapse_key=message["android"].get("collapse_key"),
        android=_options(AndroidOptions(on_android.get("channel_id"), on_android.get("color"))),
        ios=_options(
            IosOptions(
                aps.get("alert", {}).get("subtitle"),
                aps.get("category"),
                aps.get("thread-id"),
                aps.get("interruption-level"),
            )
        ),
    )
    return Arrived(message.get("token") or TOPIC + message["topic"], content)


def of_onesignal(entry: Entry) -> Arrived:
    """A push in OneSignal's form."""
    asked: Mapping[str, Any] = orjson.loads(entry.received["body"])
    colour, level = asked.get("android_accent_color"), asked.get("ios_interruption_level")
    content = PushContent(
        title=asked["headings"]["en"],
        body=asked["contents"]["en"],
        image=asked.get("big_picture"),
        icon=asked.get("small_icon") or asked.get("chrome_web_icon"),
        link=asked.get("url") or asked.get("app_url"),
        data={name: value for name, value in asked["data"].items() if name not in _ADDED},
        badge=asked.get("ios_badgeCount"),
        sound=asked.get("ios_sound"),
        collapse_key=asked.get("collapse_id"),
        android=_options(
            AndroidOptions(asked.get("existing_android_channel_id"), f"#{colour[2:].lower()}" if colour else None)
        ),
        ios=_options(
            IosOptions(
                asked.get("subtitle", {}).get("en"),
                asked.get("ios_category"),
                asked.get("thread_id"),
                level.replace("_", "-") if level else None,
            )
        ),
    )
    whom = asked.get("include_subscription_ids") or [TOPIC + asked["included_segments"][0]]
    return Arrived(whom[0], content)


def _options(read: T) -> T | None:
    """`read`, or None where it says nothing."""
    return None if read == type(read)() else read
