"""A mail as bytes: MIME, addresses and headers.

Headers are encoded here and stored as they are sent. The policies of Python's email package decode what looks like an
encoded word when a header is set; some versions (3.11.7 is one) then write the line break that was hidden in it, and
with it a header of the caller's (CVE-2024-6923). And they encode a long URL in `List-Unsubscribe`, where no client
finds it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.message import EmailMessage as Mime
from email.policy import SMTP
from email.utils import format_datetime, quote, unquote
from typing import Any

from email_validator import EmailNotValidError, validate_email
from marshmallow import ValidationError

from services.email.headers import extra_headers
from shared.errors import Rejected
from shared.messages.email import Attachment, EmailMessage
from shared.messages.fields import single_line

# 7 bit, because a relay without 8BITMIME would have to encode the body, and would break its DKIM signature.
_POLICY = SMTP.clone(cte_type="7bit", refold_source="none")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_NAMED = re.compile(r'(?P<name>"(?:[^"\\]|\\.)*+"\s*+|[^<>"]*+)<(?P<address>[^<>]++)>')
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_. -]{1,60}")
_CONTENT_ID = re.compile(r"[A-Za-z0-9._@+-]+")
_FOLD_AT = re.compile(r"(?<=\S) (?=\S)")
_LINE, _LONGEST_WORD = 78, 900


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address and whose it is. The domain is ASCII (IDNA); `local` may not be."""

    local: str
    domain: str
    name: str = ""

    @property
    def address(self) -> str:
        """`local@domain`, for the envelope."""
        return f"{self.local}@{self.domain}"

    @property
    def header(self) -> str:
        """As it is written in a header (RFC 5322 section 3.4; names as in RFC 2047)."""
        if not self.name:
            return self.address
        phrase = _phrase(self.name)
        space = " " if len(phrase.rpartition("\n")[2]) + len(self.address) < _LINE - 15 else "\r\n "
        return f"{phrase}{space}<{self.address}>"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail ready to be handed over.

    Parameters:
        recipients: the envelope: the one it is for, then cc and bcc.
        utf8: an address is not ASCII, so the server has to know SMTPUTF8 (RFC 6531).
    """

    message_id: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    utf8: bool


def mailbox(text: str, name: str | None = None) -> Mailbox:
    """Read `address` or `Name <address>`; raises `ValueError` saying what is wrong with it."""
    named = _NAMED.fullmatch(text.strip())
    try:
        found = validate_email(named["address"] if named else text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    given = unquote(named["name"].strip()) if named else ""
    return Mailbox(found.local_part, found.ascii_domain, name or given)


def message_id(message: EmailMessage, sender: Mailbox) -> str:
    """The `Message-ID` of a mail, in its brackets."""
    return f"<{message.delivery_id}@{sender.domain}>"


def build(message: EmailMessage, default_sender: Mailbox, now: datetime) -> Mail:
    """Build the mail.

    `Message-ID` is made of the delivery's id, so that a bounce, or the same mail sent twice, is known by it.

    Raises:
        Rejected: an address, a header or an attachment cannot be written into a mail.
    """
    try:
        return _build(message, default_sender, now)
    except ValidationError as error:
        raise Rejected(f"The mail cannot be built: {' '.join(error.messages)}", code="mime") from None
    except ValueError as error:
        raise Rejected(f"The mail cannot be built: {error}", code="mime") from None


def _build(message: EmailMessage, default_sender: Mailbox, now: datetime) -> Mail:
    content = message.content
    sender = mailbox(message.sender) if message.sender else default_sender
    to = mailbox(message.to, message.to_name)
    cc, bcc = [mailbox(one) for one in content.cc], [mailbox(one) for one in content.bcc]
    reply_to = [mailbox(content.reply_to)] if content.reply_to else []
    everybody = (to, *cc, *bcc)
    utf8 = not all(one.local.isascii() for one in (sender, *everybody, *reply_to))
    named = message_id(message, sender)
    mime = Mime(_POLICY.clone(utf8=utf8))
    _set_addresses(mime, "From", [sender])
    _set_addresses(mime, "To", [to])
    _set_addresses(mime, "Cc", cc)
    _set_addresses(mime, "Reply-To", reply_to)
    _set_text(mime, "Subject", content.subject)
    mime.set_raw("Date", format_datetime(now))
    mime.set_raw("Message-ID", named)
    if content.tags:
        # What labels a mail where nobody sells statistics (RFC 5322 section 3.6.5).
        _set_text(mime, "Keywords", ", ".join(content.tags))
    for name, value in extra_headers(message).items():
        _set_text(mime, name, value)
    _set_body(mime, content.text, content.html, [file for file in content.attachments if file.content_id])
    for attachment in content.attachments:
        if not attachment.content_id:
            mime.add_attachment(attachment.content, **_described(attachment))
    return Mail(
        message_id=named,
        sender=sender.address,
        recipients=tuple(dict.fromkeys(one.address for one in everybody)),
        content=mime.as_bytes(),
        utf8=utf8,
    )


def _set_body(mime: Mime, text: str | None, html: str | None, images: Sequence[Attachment]) -> None:
    """Text and HTML as alternatives; images beside the HTML that shows them, and only there (RFC 2387)."""
    if images and not html:
        raise ValueError(f"there is no html to show the image {images[0].content_id} in")
    if text or not html:
        mime.set_content(text or "")
    if text and html:
        mime.add_alternative(html, subtype="html")
    elif html:
        mime.set_content(html, subtype="html")
    if images:
        _show(images, in_part=mime.get_payload(1) if text and html else mime)


def _show(images: Iterable[Attachment], in_part: Any) -> None:
    for image in images:
        in_part.add_related(image.content, **_described(image), disposition="inline")
        in_part.get_payload()[-1].set_raw("Content-ID", _content_id(image))
    in_part.set_param("type", "text/html")


def _described(attachment: Attachment) -> dict[str, Any]:
    """What the content of a part is, and its name."""
    maintype, _, subtype = attachment.content_type.partition("/")
    if maintype in {"multipart", "message"} or not attachment.content_type.isascii():
        raise ValueError(f"an attachment cannot be of type {attachment.content_type}")
    name = single_line(attachment.filename)
    # As a triple it is percent-encoded (RFC 2231), which nothing takes for an encoded word.
    filename = name if _PLAIN_NAME.fullmatch(name) else ("utf-8", "", name)
    return {"maintype": maintype, "subtype": subtype, "filename": filename}


def _content_id(image: Attachment) -> str:
    if not _CONTENT_ID.fullmatch(image.content_id or ""):
        raise ValueError(f"{image.content_id!r} cannot name an image")
    return f"<{image.content_id}>"


def _set_addresses(mime: Mime, name: str, boxes: Iterable[Mailbox]) -> None:
    written = [box.header for box in boxes]
    if written:
        mime.set_raw(name, ",\r\n ".join(written))


def _set_text(mime: Mime, name: str, value: str) -> None:
    mime.set_raw(single_line(name), _encoded(name, single_line(value)))


def _encoded(name: str, value: str) -> str:
    """A header's value: ASCII folded at its spaces, anything else as encoded words (RFC 2047)."""
    words = _FOLD_AT.split(value)
    if not value.isascii() or not value.isprintable() or "=?" in value or max(map(len, words)) > _LONGEST_WORD:
        return Header(value, "utf-8", header_name=name).encode(linesep="\r\n")
    lines, length = [words[0]], len(name) + 2 + len(words[0])
    for word in words[1:]:
        if length + 1 + len(word) > _LINE:
            lines.append(word)
            length = 1 + len(word)
        else:
            lines[-1] += f" {word}"
            length += 1 + len(word)
    return "\r\n ".join(lines)


def _phrase(name: str) -> str:
    single_line(name)
    if not name.isascii() or not name.isprintable() or "=?" in name:
        return Header(name, "utf-8", header_name="Reply-To").encode(linesep="\r\n")
    return name if _ATOMS.fullmatch(name) else f'"{quote(name)}"'
