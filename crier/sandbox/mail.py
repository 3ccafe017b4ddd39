"""What the sandbox reads out of a mail: enough to find it again, and the parts a person looks at."""

import re
from base64 import b64encode
from email import policy
from email.message import EmailMessage, MIMEPart
from email.parser import BytesHeaderParser, BytesParser

from crier.sandbox.preview import Attachment, Kind, Preview
from crier.sandbox.vendor import find_delivery

_HEADERS = BytesHeaderParser(policy=policy.compat32)
_MESSAGES = BytesParser(policy=policy.default)
_HEADERS_READ = 64 * 1024


def delivery(content: bytes) -> str | None:
    """Crier's delivery id, from `X-Crier-Id` or the `Message-ID`."""
    headers = _HEADERS.parsebytes(content[:_HEADERS_READ])
    return find_delivery(*(str(headers[name]) for name in ("X-Crier-Id", "Message-ID") if headers[name]))


def message_id(content: bytes) -> str | None:
    """The `Message-ID` without its brackets."""
    found = _HEADERS.parsebytes(content[:_HEADERS_READ])["Message-ID"]
    return str(found).strip().strip("<>") if found else None


def preview(content: bytes) -> Preview:
    """Take a mail apart for a person to look at."""
    message = _MESSAGES.parsebytes(content)
    assert isinstance(message, EmailMessage)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    attachments = tuple(
        Attachment(
            filename=part.get_filename() or "(without a name)",
            content_type=part.get_content_type(),
            content=_payload(part),
            cid=str(part["Content-ID"]).strip("<>") if part["Content-ID"] else None,
        )
        for part in message.walk()
        if not part.is_multipart() and part is not text and part is not html
    )
    return Preview(
        kind=Kind.MAIL,
        title=str(message["Subject"] or ""),
        text="" if text is None else _decoded(text),
        html=None if html is None else with_images(_decoded(html), attachments),
        facts=tuple((name, str(value)) for name, value in message.items()),
        attachments=attachments,
    )


def _payload(part: MIMEPart) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decoded(part: MIMEPart) -> str:
    try:
        return _payload(part).decode(part.get_content_charset("utf-8"), errors="replace")
    except LookupError:
        return _payload(part).decode(errors="replace")


def with_images(html: str, attachments: tuple[Attachment, ...]) -> str:
    """The HTML with `cid:` references (RFC 2392) replaced by the images themselves."""
    images = {
        f"cid:{item.cid}": f"data:{item.content_type};base64,{b64encode(item.content).decode()}"
        for item in attachments
        if item.cid and item.content_type.startswith("image/")
    }
    if not images:
        return html
    return re.sub("|".join(map(re.escape, images)), lambda match: images[match[0]], html)
