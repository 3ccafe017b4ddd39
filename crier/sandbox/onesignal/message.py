"""Which JSON OneSignal takes as a push, and how it says what is wrong.

Names, types and limits: https://documentation.onesignal.com/reference/push-notification; the sentences that are quoted
there, or in the errors of https://github.com/OneSignal/onesignal-python-api, are OneSignal's, the others are in its
manner. OneSignal passes over names it does not know. Here they are refused: they are mistakes that nobody would notice.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

NO_TARGET = "You must include which players, segments, or tags you wish to send this notification to."
NO_ENGLISH = "Message Notifications must have English language content"
NOT_A_UUID = "Incorrect subscription_id format in include_subscription_ids (not a valid UUID): "

UUID_FORM = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_HTTPS = re.compile(r"https://[^\s/]+.*")
_PICTURE = re.compile(r"https?://[^\s/]+.*|[\w./-]+")
_APP_URL = re.compile(r"[a-z][a-z0-9+.-]*://.+", re.IGNORECASE)
_ARGB = re.compile(r"[0-9a-fA-F]{8}")
_TARGETS = ("include_subscription_ids", "include_aliases", "included_segments", "filters")
_MOST_TARGETS = 20_000
_LONGEST_TTL = 2_419_200
_LARGEST_DATA = 2048

_FIELDS: Mapping[str, Any] = {
    "app_id": str,
    **dict.fromkeys(("include_subscription_ids", "included_segments", "excluded_segments"), list),
    **dict.fromkeys(("filters", "buttons", "web_buttons"), list),
    **dict.fromkeys(("include_aliases", "contents", "headings", "subtitle", "data", "custom_data"), dict),
    "target_channel": frozenset({"push", "email", "sms"}),
    "idempotency_key": UUID_FORM,
    "ios_attachments": dict,
    **dict.fromkeys(("big_picture", "large_icon"), _PICTURE),
    **dict.fromkeys(("chrome_web_image", "chrome_web_icon", "firefox_icon", "chrome_web_badge"), _HTTPS),
    **dict.fromkeys(("url", "web_url"), _HTTPS),
    "app_url": _APP_URL,
    "small_icon": re.compile(r"\w+"),
    "priority": frozenset({10, 5}),
    "ttl": range(_LONGEST_TTL + 1),
    "collapse_id": re.compile(".{1,64}"),
    "web_push_topic": re.compile("[A-Za-z0-9_-]{1,32}"),
    "ios_interruption_level": frozenset({"active", "passive", "time_sensitive", "critical"}),
    "ios_badgeType": frozenset({"None", "SetTo", "Increase"}),
    **dict.fromkeys(("ios_badgeCount",), int),
    "ios_relevance_score": float,
    "android_accent_color": _ARGB,
    **dict.fromkeys(
        ("name", "template_id", "android_channel_id", "existing_android_channel_id", "ios_sound", "ios_category",
         "thread_id", "android_group", "target_content_identifier", "send_after", "delayed_option",
         "delivery_time_of_day"),
        str,
    ),
    **dict.fromkeys(("content_available", "isIos", "isAndroid", "isAnyWeb", "enable_frequency_cap"), bool),
}  # fmt: skip
"""A name to the type of its value, the values it may have, or the form of its text."""


def problems(body: Mapping[str, Any]) -> Iterator[str]:
    """What OneSignal refuses in a request whose `app_id` is right, a sentence each."""
    for name, value in body.items():
        if name not in _FIELDS:
            yield f"{name} is not a parameter of this request"
        elif not _fits(value, _FIELDS[name]):
            yield f"{name} has an invalid value: {value!r}"
    yield from _targets(body)
    yield from _words(body)
    if len(orjson.dumps(body.get("data", {}))) > _LARGEST_DATA:
        yield f"data must be no more than {_LARGEST_DATA} bytes long"
    if "ios_badgeCount" in body and body.get("ios_badgeType", "None") == "None":
        yield "ios_badgeCount needs ios_badgeType"


def _targets(body: Mapping[str, Any]) -> Iterator[str]:
    given = [name for name in _TARGETS if body.get(name)]
    if not given:
        yield NO_TARGET
    if len(given) > 1:
        yield f"You may only use one method of targeting users: {' or '.join(given)}."
    listed = body.get("include_subscription_ids")
    ids = listed if isinstance(listed, list) else []
    if wrong := [one for one in ids if not isinstance(one, str) or not UUID_FORM.fullmatch(one)]:
        yield NOT_A_UUID + orjson.dumps(wrong).decode()
    if len(ids) > _MOST_TARGETS:
        yield f"include_subscription_ids may have {_MOST_TARGETS} entries"


def _words(body: Mapping[str, Any]) -> Iterator[str]:
    texts = {name: body[name] for name in ("contents", "headings", "subtitle") if isinstance(body.get(name), dict)}
    contents = texts.get("contents", {})
    if not contents.get("en") and not body.get("template_id") and not body.get("content_available"):
        yield NO_ENGLISH
    for name, text in texts.items():
        if not all(isinstance(words, str) for words in text.values()):
            yield f"{name} must have a text for each language"
        if text.keys() != contents.keys():
            yield f"{name} must have the languages of contents"


def _fits(value: Any, form: Any) -> bool:
    if isinstance(form, re.Pattern):
        return isinstance(value, str) and form.fullmatch(value) is not None
    if isinstance(form, frozenset | range):
        return isinstance(value, str | int) and not isinstance(value, bool) and value in form
    if form is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return isinstance(value, form) and (form is bool or not isinstance(value, bool))
