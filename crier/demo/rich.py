"""Everything a message can have, through every vendor in turn: what one of them lost on the way would be seen."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from crier.demo.singles import Singles

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
TABLE = "Your table is ready. Ref [12] €40 {window}"


def everything(send: Singles, channel: str) -> None:
    """All that a message of `channel` can have, and a template, through the vendor whose turn it is."""
    vendor = send.vendors[channel]
    _CHANNELS[channel](send, f"through {vendor}", f"{channel}.{vendor}")


def _mails(send: Singles, group: str, key: str) -> None:
    for kind, address in (("transactional", "rich"), ("promotion", "offer")):
        to = {"email": f"{address}.{key}@example.com", "name": 'Zoë "Zo" O\'Brien'}
        if kind == "promotion":
            to["unsubscribe_url"] = "https://example.com/unsubscribe/1"
        send.send(group, f"a {kind} mail with everything, {key}", channel="email", to=to, content=MAIL, kind=kind)
    _template(send, group, key, "booking_confirmation", {"email": f"template.{key}@example.com", "name": "Ada"})


def _texts(send: Singles, group: str, key: str) -> None:
    for number, body in ((1, TABLE), (2, "Dîner à 20 h 🍽"), (3, "A line\nand another. " * 9)):
        to = {"phone": _phone(f"{key}.{number}")}
        send.send(group, f"SMS {number}, {key}", channel="sms", to=to, content={"body": body})
    _template(send, group, key, "booking_confirmation", {"phone": _phone(key)})


def _whatsapps(send: Singles, group: str, key: str) -> None:
    photo = {"body": "The table by the window 🪟", "media_url": "https://example.com/table.png"}
    send.send(group, f"text and a picture, {key}", channel="whatsapp", to={"phone": _phone(f"{key}.1")}, content=photo)
    _template(send, group, key, "booking_confirmation", {"phone": _phone(key)})


def _pushes(send: Singles, group: str, key: str) -> None:
    to = {"tokens": [_token(key)]}
    send.send(group, f"a push with everything, {key}", channel="push", to=to, content=PUSH)
    plain = {"title": "Line 12", "body": "Runs again."}
    send.send(group, f"a push to a topic, {key}", channel="push", to={"topic": "line-12"}, content=plain)
    _template(send, group, key, "booking_confirmation", {"tokens": [_token(f"{key}.2")]})


def _template(send: Singles, group: str, key: str, name: str, to: Mapping[str, Any]) -> None:
    data = send.rendering.templates[name].sample
    channel = key.partition(".")[0]
    send.send(group, f"{name}, {key}", channel=channel, to=to, template=name, data=data)


def _token(of: str) -> str:
    """A device's token that is always the same: a UUID for OneSignal, for others none."""
    token = uuid5(NAMESPACE_URL, f"crier:demo:{of}")
    return str(token) if "onesignal" in of else token.hex


def _phone(of: str) -> str:
    """A number of Ofcom's for fiction that is always the same."""
    return f"+44770090{uuid5(NAMESPACE_URL, of).int % 1000:04d}"


_CHANNELS = {"email": _mails, "sms": _texts, "whatsapp": _whatsapps, "push": _pushes}
