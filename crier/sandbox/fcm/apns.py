"""Which headers and which `aps` Apple takes, for messages that reach it through FCM.

https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification and
https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns. FCM hands both on as
they are and answers before Apple does; here they are refused at once, because otherwise nobody would hear of it.
"""

import re
from collections.abc import Mapping
from typing import Any

_HEADERS: Mapping[str, re.Pattern[str]] = {
    "apns-priority": re.compile("10|5|1"),
    "apns-expiration": re.compile("[0-9]+"),
    "apns-collapse-id": re.compile(".{1,64}"),
}
_APS: Mapping[str, tuple[type, ...]] = {
    "alert": (str, dict),
    "badge": (int,),
    "sound": (str, dict),
    "category": (str,),
    "thread-id": (str,),
    "target-content-id": (str,),
    "interruption-level": (str,),
    "relevance-score": (int, float),
    "filter-criteria": (str,),
    "mutable-content": (int,),
    "content-available": (int,),
}
_INTERRUPTION_LEVELS = ("passive", "active", "time-sensitive", "critical")


def problem(config: Mapping[str, Any]) -> tuple[str, str] | None:
    """What Apple refuses in the `apns` of a message: the field's path and a sentence."""
    for name, value in config.get("headers", {}).items():
        form = _HEADERS.get(name.lower())
        if form and not form.fullmatch(value):
            return f"message.apns.headers.{name}", f"Invalid value for {name}: {value!r}"
    aps = config.get("payload", {}).get("aps", {})
    if not isinstance(aps, dict):
        return "message.apns.payload.aps", "aps must be an object"
    for name, value in aps.items():
        if name not in _APS or not isinstance(value, _APS[name]) or isinstance(value, bool):
            return f"message.apns.payload.aps.{name}", f"Invalid value for {name}: {value!r}"
    if (level := aps.get("interruption-level", "active")) not in _INTERRUPTION_LEVELS:
        return "message.apns.payload.aps.interruption-level", f"Invalid value for interruption-level: {level!r}"
    return None


def has_alert(config: Mapping[str, Any]) -> bool:
    """Whether the payload has title and body of its own, which then replace the message's."""
    aps = config.get("payload", {}).get("aps")
    return isinstance(aps, dict) and "alert" in aps
