"""Which JSON the FCM HTTP v1 API takes as a message, and how it names what is wrong.

Fields and types: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages. The API reads
protobuf's JSON form, so every name may be written in snake_case or lowerCamelCase, and an unknown one is
refused.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from crier.sandbox.fcm import apns

_DURATION = re.compile(r"[0-9]+(\.[0-9]{1,9})?s")
_STRINGS, _ANY = "map of string", "any object"
_PRIORITY = frozenset({"NORMAL", "HIGH"})
_NOTIFICATION = {"title": "string", "body": "string", "image": "string"}
_COLOR = {"red": "number", "green": "number", "blue": "number", "alpha": "number"}
_LIGHT = {"color": _COLOR, "light_on_duration": "duration", "light_off_duration": "duration"}
_ANDROID_NOTIFICATION: dict[str, Any] = {
    **_NOTIFICATION,
    **dict.fromkeys(
        ("icon", "color", "sound", "tag", "click_action", "body_loc_key", "title_loc_key", "channel_id",
         "ticker"),
        "string",
    ),
    "body_loc_args": "strings",
    "title_loc_args": "strings",
    "vibrate_timings": "durations",
    "event_time": "string",
    "notification_count": "integer",
    **dict.fromkeys(
        ("sticky", "local_only", "default_sound", "default_vibrate_timings", "default_light_settings",
         "bypass_proxy_notification"),
        "boolean",
    ),
    "notification_priority": frozenset(
        f"PRIORITY_{name}" for name in ("UNSPECIFIED", "MIN", "LOW", "DEFAULT", "HIGH", "MAX")
    ),
    "visibility": frozenset({"VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"}),
    "proxy": frozenset({"PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"}),
    "light_settings": _LIGHT,
}  # fmt: skip
_MESSAGE = {
    "name": "string",
    "data": _STRINGS,
    "notification": _NOTIFICATION,
    "android": {
        "collapse_key": "string",
        "priority": _PRIORITY,
        "ttl": "duration",
        "restricted_package_name": "string",
        "data": _STRINGS,
        "notification": _ANDROID_NOTIFICATION,
        "fcm_options": {"analytics_label": "string"},
        "direct_boot_ok": "boolean",
        "bandwidth_constrained_ok": "boolean",
        "restricted_satellite_ok": "boolean",
    },
    "webpush": {
        "headers": _STRINGS,
        "data": _STRINGS,
        "notification": _ANY,
        "fcm_options": {"link": "string", "analytics_label": "string"},
    },
    "apns": {
        "headers": _STRINGS,
        "payload": _ANY,
        "fcm_options": {"analytics_label": "string", "image": "string"},
        "live_activity_token": "string",
    },
    "fcm_options": {"analytics_label": "string"},
    "token": "string",
    "topic": "string",
    "condition": "string",
}
REQUEST: dict[str, Any] = {"message": _MESSAGE, "validate_only": "boolean"}
"""The request body of `messages:send`: a name to its type, or to the names below it."""

_LIMIT, _TOPIC_LIMIT = 4096, 2048
_LONGEST_TTL = 28 * 24 * 3600
_TARGETS = ("token", "topic", "condition")
_RESERVED = re.compile(r"from|message_type|(google|gcm\.notification)\..*|google|gcm")
_TOPIC = re.compile(r"[a-zA-Z0-9-_.~%]{1,900}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def violations(body: Any) -> Iterator[tuple[str, str]]:
    """What protobuf's JSON parser refuses in a request: the field's path and the sentence."""
    if not isinstance(body, dict):
        yield "", "Invalid JSON payload received. Root element must be a message."
        return
    yield from _check(body, REQUEST, "")


def problem(message: Mapping[str, Any]) -> tuple[str, str] | None:
    """What FCM refuses in a well-formed message (see `snake`): the field's path and the sentence."""
    targets = [name for name in _TARGETS if message.get(name)]
    if not targets:
        return "message", "Recipient of the message is not set."
    if len(targets) > 1:
        text = f"oneof field 'target' is already set. Cannot set {targets[1]!r}"
        return "message", f"Invalid value at 'message' (oneof), {text}"
    for part in ("", "android", "webpush"):
        data = (message.get(part, {}) if part else message).get("data", {})
        for key in data:
            if _RESERVED.fullmatch(key):
                return f"message.{part}.data".replace("..", "."), f"Invalid data payload key: {key}"
    ttl = message.get("android", {}).get("ttl")
    if ttl and float(ttl.rstrip("s")) > _LONGEST_TTL:
        return "message.android.ttl", "TTL must be in range [0, 2419200]"
    return _target_and_colour(message) or _too_big(message) or apns.problem(message.get("apns", {}))


def _target_and_colour(message: Mapping[str, Any]) -> tuple[str, str] | None:
    if "topic" in message and not _TOPIC.fullmatch(message["topic"]):
        return "message.topic", "Invalid topic name"
    colour = message.get("android", {}).get("notification", {}).get("color")
    if colour and not _COLOUR.fullmatch(colour):
        return "message.android.notification.color", "Invalid color: it must be in the format #rrggbb"
    return None


def _too_big(message: Mapping[str, Any]) -> tuple[str, str] | None:
    limit = _LIMIT if "token" in message else _TOPIC_LIMIT
    common = {name: message.get(name, {}) for name in ("notification", "data")}
    for part, text in (("android", "Android message is too big"), ("apns", "APNS message is too big"),
                       ("webpush", "Webpush message is too big")):  # fmt: skip
        own = message.get(part, {})
        payload = {
            **common,
            **{name: own[name] for name in ("notification", "data", "payload") if name in own},
        }
        if apns.has_alert(own):
            payload["notification"] = {}
        if _size(payload["notification"]) + _size(payload["data"]) + _size(payload.get("payload", {})) > limit:
            return f"message.{part}", text
    return None


def snake(value: Any, shape: Any = REQUEST) -> Any:
    """`value` with the documented names in snake_case and without nulls; what callers named is left alone."""
    if isinstance(shape, dict) and isinstance(value, dict):
        return {
            _snake(name): snake(item, shape.get(_snake(name), "")) for name, item in value.items() if item is not None
        }
    return value


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name)


def _check(value: dict[str, Any], shape: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name, item in value.items():
        known = shape.get(_snake(name))
        where = f"{path}.{_snake(name)}".removeprefix(".")
        if known is None:
            at = f" at '{path}'" if path else ""
            yield path, f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.'
        elif item is None:
            continue
        elif isinstance(known, dict):
            if isinstance(item, dict):
                yield from _check(item, known, where)
            else:
                yield (
                    where,
                    f"Invalid value at '{where}' (type.googleapis.com/google.firebase.fcm.v1), {item!r}",
                )
        elif known == _STRINGS and isinstance(item, dict):
            for index, entry in enumerate(item.values()):
                if not isinstance(entry, str):
                    place = f"{where}[{index}].value"
                    yield place, f"Invalid value at '{place}' (TYPE_STRING), {_shown(entry)}"
        elif wrong := _wrong(item, known):
            yield where, f"Invalid value at '{where}' ({wrong}), {_shown(item)}"


def _wrong(item: Any, kind: Any) -> str | None:
    """The type protobuf wanted, if `item` is not of it."""
    if isinstance(kind, frozenset):
        fits, wanted = isinstance(item, str) and item.upper() in kind, "TYPE_ENUM"
    elif kind == "string":
        fits, wanted = isinstance(item, str), "TYPE_STRING"
    elif kind == "boolean":
        fits, wanted = isinstance(item, bool), "TYPE_BOOL"
    elif kind == "integer":
        fits, wanted = str(item).lstrip("-").isdecimal() and not isinstance(item, bool), "TYPE_INT32"
    elif kind == "number":
        fits, wanted = isinstance(item, int | float) and not isinstance(item, bool), "TYPE_FLOAT"
    elif kind == "duration":
        fits, wanted = _is_duration(item), "type.googleapis.com/google.protobuf.Duration"
    elif kind == "durations":
        fits = isinstance(item, list) and all(_is_duration(one) for one in item)
        wanted = "type.googleapis.com/google.protobuf.Duration"
    elif kind == "strings":
        fits, wanted = isinstance(item, list) and all(isinstance(one, str) for one in item), "TYPE_STRING"
    else:
        fits, wanted = isinstance(item, dict), "TYPE_MESSAGE"
    return None if fits else wanted


def _is_duration(item: Any) -> bool:
    return isinstance(item, str) and _DURATION.fullmatch(item) is not None


def _shown(item: Any) -> str:
    return f'"{item}"' if isinstance(item, str) else str(item)


def _size(payload: Any) -> int:
    """Bytes of keys and values, as FCM counts a payload; not recursive, for it may be as deep as a caller likes."""
    size, left = 0, [payload]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            left += value
        else:
            size += len(str(value).encode())
    return size
