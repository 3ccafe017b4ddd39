"""What a stand-in received, as the content it is: by the journal alone, without what Crier knows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import unquote
from typing import Any
from urllib.parse import parse_qs

import orjson

from crier.sandbox import Entry
from crier.sandbox.smtp import raw
from shared.messages.content import Content
from shared.messages.email import Attachment, EmailContent
from shared.messages.push import PushContent
from shared.messages.sms import SmsContent

# What Crier adds to an app's data: its own id, and the link.
_ADDED = ("crier_id", "link")


@dataclass(frozen=True, slots=True)
class Arrived:
    """What arrived, and for whom.

    Parameters:
        target: the address, number or token.
        name: the recipient's name, as a mail shows it; None on other channels.
    """

    target: str
    content: Content
    name: str | None = None


def arrived(entry: Entry) -> Arrived:
    """What was accepted by the call of `entry`."""
    return _READERS[entry.vendor](entry)


def _mail(entry: Entry) -> Arrived:
    # By the older of Python's two parsers: ten times as fast, and right about names in several encoded words.
    message = message_from_bytes(raw(entry))
    parts = [part for part in message.walk() if not part.is_multipart()]
    attached = [part for part in parts if part.get_content_disposition() == "attachment"]
    bodies = {part.get_content_type(): _text(part) for part in parts if part not in attached}
    content = EmailContent(
        subject=_decoded(message["Subject"]),
        text=bodies.get("text/plain"),
        html=bodies.get("text/html"),
        attachments=tuple(
            Attachment(str(part.get_filename()), part.get_content_type(), _bytes(part)) for part in attached
        ),
    )
    name = unquote(_decoded(str(message["To"]).rpartition("<")[0]).strip())
    return Arrived(str(entry.recipient), content, name or None)


def _decoded(header: str) -> str:
    """A header's text: unfolded, and its encoded words decoded (RFC 2047)."""
    return str(make_header(decode_header("".join(header.splitlines()))))


def _text(part: Message) -> str:
    # On the wire lines end with CR LF.
    return _bytes(part).decode(part.get_content_charset("ascii")).replace("\r\n", "\n")


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _sms(entry: Entry) -> Arrived:
    form = parse_qs(entry.received["body"], keep_blank_values=True)
    return Arrived(form["To"][0], SmsContent(form["Body"][0]))


def _push(entry: Entry) -> Arrived:
    message: Mapping[str, Any] = orjson.loads(entry.received["body"])["message"]
    shown, data = message["notification"], message.get("data", {})
    content = PushContent(
        title=shown["title"],
        body=shown["body"],
        image=shown.get("image"),
        link=data.get("link"),
        data={name: value for name, value in data.items() if name not in _ADDED},
        badge=message["apns"]["payload"]["aps"].get("badge"),
        collapse_key=message["android"].get("collapse_key"),
    )
    return Arrived(message["token"], content)


_READERS: Mapping[str, Callable[[Entry], Arrived]] = {"smtp": _mail, "twilio": _sms, "fcm": _push}
