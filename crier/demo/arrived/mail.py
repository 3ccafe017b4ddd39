"""Mails as the stand-ins received them: MIME as it is written, or the words of a vendor's API."""

from base64 import b64decode
from collections.abc import Sequence
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, unquote

import orjson

from crier.demo.arrived.arrival import Arrived
from crier.sandbox import Entry
from crier.sandbox.mailgun.request import read
from crier.sandbox.smtp import raw
from shared.messages.email import Attachment, EmailContent

# What Crier and the mail itself say; the rest of the headers is the caller's.
_KNOWN = {
    "bcc", "cc", "content-transfer-encoding", "content-type", "date", "dkim-signature", "from", "keywords",
    "list-unsubscribe", "list-unsubscribe-post", "message-id", "mime-version", "reply-to", "subject", "to",
    "x-crier-id",
}  # fmt: skip


def of_smtp(entry: Entry) -> Arrived:
    """A mail that came over SMTP; who got copies in secret is in the envelope only."""
    return _of_mime(raw(entry), entry.received["to"])


def of_ses(entry: Entry) -> Arrived:
    """A mail in SES's `Content.Raw`."""
    asked = orjson.loads(entry.received["body"])
    whom = asked["Destination"]
    envelope = [*whom["ToAddresses"], *whom.get("CcAddresses", ()), *whom.get("BccAddresses", ())]
    return _of_mime(b64decode(asked["Content"]["Raw"]["Data"]), envelope)


def of_mailgun(entry: Entry) -> Arrived:
    """A mail in the form of Mailgun's `messages.mime`."""
    received = entry.received
    body = b64decode(received["body_base64"]) if "body_base64" in received else received["body"].encode()
    form = read(received["headers"]["content-type"], body)
    return _of_mime(form.message or b"", form.to)


def of_sendgrid(entry: Entry) -> Arrived:
    """A mail in the words of SendGrid's Mail Send."""
    asked = orjson.loads(entry.received["body"])
    whom = asked["personalizations"][0]
    bodies = {part["type"]: part["value"] for part in asked["content"]}
    content = EmailContent(
        subject=asked["subject"],
        text=bodies.get("text/plain"),
        html=bodies.get("text/html"),
        reply_to=asked.get("reply_to", {}).get("email"),
        cc=tuple(box["email"] for box in whom.get("cc", ())),
        bcc=tuple(box["email"] for box in whom.get("bcc", ())),
        headers={n: _decoded(v) for n, v in asked["headers"].items() if n.lower() not in _KNOWN},
        attachments=tuple(
            Attachment(one["filename"], one["type"], b64decode(one["content"]), one.get("content_id"))
            for one in asked.get("attachments", ())
        ),
        tags=tuple(asked.get("categories", ())),
    )
    return Arrived(whom["to"][0]["email"], content, whom["to"][0].get("name"))


def _of_mime(mail: bytes, envelope: Sequence[str]) -> Arrived:
    # By the older of Python's two parsers: ten times as fast, and right about names in several encoded words.
    message = message_from_bytes(mail)
    parts = [part for part in message.walk() if not part.is_multipart()]
    files = [part for part in parts if part.get_content_disposition() in ("attachment", "inline")]
    bodies = {part.get_content_type(): _text(part) for part in parts if part not in files}
    target, *copies = envelope
    cc = _addresses(message, "Cc")
    content = EmailContent(
        subject=_decoded(message["Subject"]),
        text=bodies.get("text/plain"),
        html=bodies.get("text/html"),
        reply_to=next(iter(_addresses(message, "Reply-To")), None),
        cc=cc,
        bcc=tuple(one for one in copies if one not in cc),
        headers={name: _decoded(value) for name, value in message.items() if name.lower() not in _KNOWN},
        attachments=tuple(_attachment(part) for part in files),
        tags=tuple(tag.strip() for tag in str(message.get("Keywords", "")).split(",") if tag.strip()),
    )
    name = unquote(_decoded(str(message["To"]).rpartition("<")[0]).strip())
    return Arrived(target, content, name or None)


def _attachment(part: Message) -> Attachment:
    cid = part["Content-ID"]
    return Attachment(
        str(part.get_filename()), part.get_content_type(), _bytes(part), str(cid).strip("<>") if cid else None
    )


def _addresses(message: Message, name: str) -> tuple[str, ...]:
    return tuple(address for _, address in getaddresses(message.get_all(name, [])))


def _decoded(header: str) -> str:
    """A header's text: unfolded, and its encoded words decoded (RFC 2047)."""
    return str(make_header(decode_header("".join(header.splitlines()))))


def _text(part: Message) -> str:
    # On the wire lines end with CR LF.
    return _bytes(part).decode(part.get_content_charset("ascii")).replace("\r\n", "\n")


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
