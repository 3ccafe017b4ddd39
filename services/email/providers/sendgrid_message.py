"""A mail in the words of SendGrid's v3 Mail Send.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send, and its limits:
https://www.twilio.com/docs/sendgrid/api-reference/mail-send/limitations. Limits that SendGrid names in its answer are
left to it. Checked here is what it would take and then lose, or write wrong.
"""

import re
from base64 import b64encode
from email.header import Header
from typing import Any

from marshmallow import ValidationError

from services.email.headers import extra_headers
from services.email.mime import Mailbox, mailbox
from shared.errors import Rejected
from shared.messages.email import Attachment, EmailMessage
from shared.messages.fields import single_line

DELIVERY_ID = "crier_id"
"""The custom argument with our id; SendGrid repeats it in every event of this mail."""


def sendgrid_message(message: EmailMessage, default_sender: Mailbox, *, tracking: bool) -> dict[str, Any]:
    """The body of `POST /v3/mail/send`.

    Parameters:
        tracking: let SendGrid count opens and clicks, for which it changes the HTML.

    Raises:
        Rejected: an address or a line of the mail cannot be written.
    """
    try:
        return _message(message, default_sender, tracking)
    except ValidationError as error:
        raise Rejected(f"The mail cannot be written: {' '.join(error.messages)}", code="mail") from None
    except ValueError as error:
        raise Rejected(f"The mail cannot be written: {error}", code="mail") from None


def without_separators(name: str) -> str:
    """A recipient's name without `,` and `;`, which SendGrid takes for the end of a recipient."""
    return " ".join(part for part in re.split(r"\s*[,;]\s*", name) if part)


def _message(message: EmailMessage, default_sender: Mailbox, tracking: bool) -> dict[str, Any]:
    content = message.content
    sender = mailbox(message.sender) if message.sender else default_sender
    body: dict[str, Any] = {
        "personalizations": [_recipients(message)],
        "from": _mailbox(sender),
        "subject": single_line(content.subject),
        # In this order; an empty part is refused.
        "content": [
            {"type": kind, "value": value}
            for kind, value in (("text/plain", content.text), ("text/html", content.html))
            if value
        ],
        "headers": {name: _header(name, value) for name, value in extra_headers(message).items()},
        "custom_args": {DELIVERY_ID: str(message.delivery_id)},
        "tracking_settings": {
            "click_tracking": {"enable": tracking, "enable_text": False},
            "open_tracking": {"enable": tracking},
            # It would add a footer and a List-Unsubscribe of its own.
            "subscription_tracking": {"enable": False},
        },
    }
    if content.reply_to:
        body["reply_to"] = _mailbox(mailbox(content.reply_to))
    if content.tags:
        body["categories"] = list(dict.fromkeys(content.tags))
    if content.attachments:
        body["attachments"] = [_attachment(item) for item in content.attachments]
    return body


def _recipients(message: EmailMessage) -> dict[str, Any]:
    """Everybody once: SendGrid refuses a mail that names an address twice, in whatever letters."""
    seen: set[str] = set()
    found: dict[str, list[dict[str, str]]] = {}
    for kind, boxes in (
        ("to", [mailbox(message.to, message.to_name)]),
        ("cc", [mailbox(one) for one in message.content.cc]),
        ("bcc", [mailbox(one) for one in message.content.bcc]),
    ):
        for box in boxes:
            if box.address.casefold() not in seen:
                seen.add(box.address.casefold())
                found.setdefault(kind, []).append(_mailbox(box, name=without_separators(box.name)))
    return found


def _mailbox(box: Mailbox, *, name: str | None = None) -> dict[str, str]:
    if not box.local.isascii():
        # Taken with 202, and dropped as invalid afterwards: https://github.com/sendgrid/sendgrid-csharp/issues/656
        raise ValueError("SendGrid does not write to or from addresses outside ASCII before the @.")
    name = single_line(box.name if name is None else name)
    return {"email": box.address, "name": name} if name else {"email": box.address}


def _header(name: str, value: str) -> str:
    """A header's value; encoded words (RFC 2047) are the caller's to write."""
    if value.isascii() and "=?" not in value:
        return single_line(value)
    return Header(single_line(value), "utf-8", header_name=name).encode(linesep="")


def _attachment(attachment: Attachment) -> dict[str, str]:
    written = {
        "content": b64encode(attachment.content).decode(),
        "type": attachment.content_type,
        "filename": single_line(attachment.filename),
    }
    if attachment.content_id:
        return written | {"disposition": "inline", "content_id": attachment.content_id}
    return written | {"disposition": "attachment"}
