"""Everything a message can have, through every vendor: what one of them lost on the way would be seen."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from crier.demo.routes import SHARED, SHARED_LANE
from crier.demo.singles import BUSY, Script, Singles

# A PNG of one pixel.
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mPgqo36DwADVwHh1+P6mQAAAABJRU5ErkJggg=="
MAIL: Mapping[str, Any] = {
    "subject": "Ваш столик — готов, Zoë 🎉",
    "text": "Come to the counter.\nBring the menu.\n",
    "html": '<p style="margin:0">Come to the counter. <img src="cid:map" alt="Where it is" width="1" height="1"></p>',
    "reply_to": "counter@example.com",
    "cc": ["copy@example.com"],
    "bcc": ["hidden@example.com"],
    "headers": {"X-Table": "12", "X-Note": "près de la fenêtre"},
    "tags": ["tables", "spring"],
    "attachments": [
        # The images come first in a mail.
        {"filename": "map.png", "content_type": "image/png", "content": _PIXEL, "content_id": "map"},
        {"filename": "Menü.txt", "content_type": "text/plain", "content": b64encode(b"Soup\n").decode()},
    ],
}
PUSH: Mapping[str, Any] = {
    "title": "Votre table est prête",
    "body": "Venez au comptoir. 🍽",
    "image": "https://example.com/table.png",
    "icon": "ic_table",
    "link": "https://example.com/t/12",
    "data": {"type": "table", "number": "12"},
    "badge": 3,
    "sound": "bell.caf",
    "collapse_key": "table-12",
    "ttl": 3600,
    "priority": "high",
    "android": {"channel_id": "tables", "color": "#0a7d5a"},
    "ios": {"subtitle": "Zoë", "category": "TABLE", "thread_id": "tables", "interruption_level": "time-sensitive"},
}
TEXTS: Mapping[str, str] = {
    "gsm": "Your table is ready. Ref [12] €40 {window}",
    "unicode": "Dîner à 20 h 🍽",
    "long": "A line\nand another. " * 9,
}
PHOTO = {"body": "The table by the window 🪟", "media_url": "https://example.com/table.png"}
PLAIN = {"title": "Line 12", "body": "Runs again."}
TEMPLATE = "booking_confirmation"

KINDS: Mapping[str, tuple[str, ...]] = {
    "email": ("mail", "promotion", "template"),
    "sms": (*TEXTS, "template"),
    "whatsapp": ("picture", "template"),
    "push": ("push", "topic", "template"),
}
"""What there is to be sent of each channel; together all that a message can have."""

_AT_ONCE = 5
"""Messages of a kind for each vendor that has not carried it yet: chance says who has which."""
_ROUNDS = 8


def everything(send: Singles) -> None:
    """One of each kind, by the vendors that are preferred."""
    for channel, kinds in KINDS.items():
        for kind in kinds:
            _send(send, (channel, kind), f"{kind}.{channel}", group="everything a message can have", lane="normal")


def by_weight(send: Singles) -> Script:
    """Messages of each kind in the lane that all vendors share, until each vendor has carried each kind."""
    group, sent = "shared by weight", 0
    lacking = {(channel, kind): set(names) for channel, names in SHARED.items() for kind in KINDS[channel]}
    for number in range(_ROUNDS):
        asked: dict[str, tuple[str, str]] = {}
        for (channel, kind), names in lacking.items():
            count = _AT_ONCE * len(names) if len(SHARED[channel]) > 1 else len(names)
            for index in range(count):
                key = f"{kind}.{channel}.{number}-{index}"
                asked[_send(send, (channel, kind), key, group=group, lane=SHARED_LANE)] = channel, kind
                yield BUSY
        sent += len(asked)
        yield from send.ended([*asked])
        for one in send.asked:
            if one.notification in asked and (provider := send.providers.get(one.delivery)):
                lacking[asked[one.notification]].discard(provider)
        if not any(lacking.values()):
            break
    for (channel, kind), names in lacking.items():
        send.promise(not names, group, f"{kind} by {channel} was never sent through {', '.join(names)}")
    told = "; ".join(", ".join(names) for names in SHARED.values() if len(names) > 1)
    send.tell(group, f"{sent} messages; each vendor carried each kind: {told}")


def _send(send: Singles, of: tuple[str, str], key: str, *, group: str, lane: str) -> str:
    """Send one of a channel and a kind; its notification's id."""
    channel, kind = of
    what, to = f"{key}, {lane}", _to(channel, kind, key, lane)
    asked: dict[str, Any] = {"channel": channel, "to": to, "lane": lane}
    if kind == "template":
        asked |= {"template": TEMPLATE, "data": send.rendering.templates[TEMPLATE].sample}
    else:
        asked |= {"content": _CONTENTS[kind], "kind": "promotion" if kind == "promotion" else "transactional"}
    return send.send(group, what, **asked)["id"]


def _to(channel: str, kind: str, key: str, lane: str) -> dict[str, Any]:
    match channel:
        case "email" if kind == "template":
            return {"email": f"{key}@example.com", "name": "Ada"}
        case "email":
            link = {"unsubscribe_url": "https://example.com/unsubscribe/1"} if kind == "promotion" else {}
            return {"email": f"{key}@example.com", "name": 'Zoë "Zo" O\'Brien', **link}
        case "push" if kind == "topic":
            return {"topic": "line-12"}
        case "push":
            return {"tokens": [device(key, lane)]}
    return {"phone": _phone(key)}


def device(key: str, lane: str) -> str:
    """A device's token, as whoever sends in this lane gives them: OneSignal's are UUIDs, FCM's are not."""
    return str(uuid5(NAMESPACE_URL, f"crier:demo:{key}")) if lane == SHARED_LANE else f"demo-{key}"


def _phone(key: str) -> str:
    """A number of Ofcom's for fiction that is always the same."""
    return f"+44770090{uuid5(NAMESPACE_URL, key).int % 1000:04d}"


_CONTENTS: Mapping[str, Mapping[str, Any]] = {
    "mail": MAIL,
    "promotion": MAIL,
    **{name: {"body": body} for name, body in TEXTS.items()},
    "picture": PHOTO,
    "push": PUSH,
    "topic": PLAIN,
}
