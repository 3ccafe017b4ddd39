"""What an e-mail is: the content a caller or a template gives, and the message a provider sends."""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from shared.messages.fields import EmailAddress, Line

# Headers Crier or the provider sets; a caller who could set them could forge the envelope or the structure.
_OWN_HEADERS = {
    "bcc", "cc", "content-transfer-encoding", "content-type", "date", "dkim-signature", "from", "keywords",
    "list-unsubscribe", "list-unsubscribe-post", "message-id", "mime-version", "received", "reply-to", "return-path",
    "sender", "subject", "to", "x-crier-id",
}  # fmt: skip
MAX_ATTACHMENTS_BYTES = 10 * 1024 * 1024
MAX_TAGS = 5
"""Tags that every vendor takes: SES knows the fewest characters, Mailgun and SendGrid the fewest tags (10)."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file sent along. `content` is the bytes themselves; JSON carries them as base64.

    With a `content_id` it is an image inside the mail, which the HTML shows as `<img src="cid:…">` (RFC 2392).
    """

    filename: str
    content_type: str
    content: bytes
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class EmailContent:
    """What the recipient reads. At least one of `text` and `html` is given. `tags` are for the vendor's statistics."""

    subject: str
    text: str | None = None
    html: str | None = None
    reply_to: str | None = None
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EmailMessage:
    """One mail to one mailbox, ready for a provider.

    Parameters:
        sender: `address` or `Name <address>`; None where the provider's default applies.
        unsubscribe_url: https address that unsubscribes by one POST (RFC 8058); None on transactional mail.
    """

    delivery_id: UUID
    to: str
    content: EmailContent
    to_name: str | None = None
    sender: str | None = None
    unsubscribe_url: str | None = None


class Base64Bytes(fields.Field[bytes]):
    """Bytes as base64 text (RFC 4648 section 4)."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bytes:
        try:
            return b64decode(value, validate=True)
        except (Base64Error, TypeError, ValueError):
            raise ValidationError("Must be base64 text.") from None

    def _serialize(self, value: bytes | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else b64encode(value).decode()


class AttachmentSchema(Schema):
    filename = Line(required=True, validate=validate.Length(1, 200))
    content_type = Line(
        required=True,
        validate=validate.Regexp(
            re.compile(r"(?!multipart/|message/)[\w.+-]+/[\w.+-]+\Z", re.ASCII | re.IGNORECASE),
            error="Must be the media type of a single file, e.g. application/pdf.",
        ),
    )
    content = Base64Bytes(required=True)
    content_id = Line(
        allow_none=True,
        validate=validate.Regexp(
            r"[A-Za-z0-9._-]{1,100}\Z", error="Must be letters, digits, dots, _ and -, e.g. logo."
        ),
    )

    @validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("content_id") and not data["content_type"].lower().startswith("image/"):
            raise ValidationError("Only an image is shown inside a mail: leave content_id out.", "content_id")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Attachment:
        return Attachment(**data)


class EmailContentSchema(Schema):
    """The `content` of an e-mail notification."""

    subject = Line(required=True, validate=validate.Length(1, 300))
    text = fields.String(allow_none=True)
    html = fields.String(allow_none=True)
    reply_to = EmailAddress(allow_none=True)
    cc = fields.List(EmailAddress(), validate=validate.Length(max=20))
    bcc = fields.List(EmailAddress(), validate=validate.Length(max=20))
    headers = fields.Dict(
        keys=Line(validate=validate.Regexp(r"^[A-Za-z0-9-]{1,76}$", error="Not a header name.")),
        values=Line(validate=validate.Length(max=900)),
    )
    attachments = fields.List(fields.Nested(AttachmentSchema), validate=validate.Length(max=10))
    tags = fields.List(
        Line(validate=validate.Regexp(r"[A-Za-z0-9_-]{1,64}\Z", error="Must be letters, digits, _ and -.")),
        validate=validate.Length(max=MAX_TAGS),
    )

    @validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        if not data.get("text") and not data.get("html"):
            raise ValidationError("Give text, html or both.", "text")
        forbidden = sorted(name for name in data.get("headers", ()) if name.lower() in _OWN_HEADERS)
        if forbidden:
            raise ValidationError(f"Crier sets {', '.join(forbidden)} itself: remove it.", "headers")
        if sum(len(item.content) for item in data.get("attachments", ())) > MAX_ATTACHMENTS_BYTES:
            raise ValidationError("Attachments may have 10 MB together.", "attachments")
        inline = [item.content_id for item in data.get("attachments", ()) if item.content_id]
        unseen = [name for name in inline if f"cid:{name}" not in (data.get("html") or "")]
        if unseen:
            raise ValidationError(
                f'The html does not show {unseen[0]}: write <img src="cid:{unseen[0]}">, or leave content_id out.',
                "attachments",
            )
        if len(set(inline)) < len(inline):
            raise ValidationError("Two images have the same content_id.", "attachments")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> EmailContent:
        for name in ("cc", "bcc", "attachments", "tags"):
            data[name] = tuple(data.get(name, ()))
        return EmailContent(**data)
