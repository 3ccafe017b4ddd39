"""What a mail goes through before it is sent: styles into the tags, and a text part."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from services.email.plain_text import plain_text
from services.email.styles import inline_styles
from shared.errors import Rejected
from shared.messages.email import EmailContent, EmailMessage
from shared.senders.allowed import AllowedSenders
from shared.senders.identity import SenderIdentity

_NO_LINK = (
    "A promotion must be one that can be unsubscribed from: set CRIER_PUBLIC_URL to an https address here too, where "
    "mails are sent, or give to.unsubscribe_url."
)


def compose(
    content: EmailContent,
    *,
    delivery_id: UUID,
    target: str,
    recipient: Mapping[str, Any],
    kind: str,
    from_template: bool,
    identity: SenderIdentity,
    allowed: AllowedSenders,
    own_link: bool = False,
) -> EmailMessage:
    """The message a provider sends.

    Parameters:
        target: the address.
        recipient: what is known of the addressee; `name` is written beside the address.
        kind: `promotion` makes the mail one that can be unsubscribed from with one click.
        from_template: the HTML is a template's, whose styles were put into its tags when it was compiled.
        identity: of the project it is sent for.
        allowed: the domains projects may send from.
        own_link: the link to unsubscribe is one of ours. A template shows it; a caller's content, which cannot know
            it, gets it at its foot.

    Raises:
        Rejected: the project may not send from its own address, or a promotion cannot be unsubscribed from.
    """
    if identity.email_from and (reason := allowed.refusal(identity.email_from)):
        raise Rejected(reason, code="sender")
    unsubscribe_url = recipient.get("unsubscribe_url") if kind == "promotion" else None
    if kind == "promotion" and not unsubscribe_url:
        raise Rejected(_NO_LINK, code="unsubscribe", alert=True)
    html, text = content.html, content.text
    if html and not text:
        text = plain_text(html)
    if html and not from_template:
        html = inline_styles(html)
    if unsubscribe_url and own_link and not from_template:
        html, text = html and _with_foot(html, unsubscribe_url), f"{text}\n\n--\nUnsubscribe: {unsubscribe_url}\n"
    return EmailMessage(
        delivery_id=delivery_id,
        to=target,
        content=replace(content, html=html, text=text, reply_to=content.reply_to or identity.reply_to),
        sender=identity.email_sender,
        to_name=recipient.get("name") or None,
        unsubscribe_url=unsubscribe_url,
    )


def _with_foot(html: str, link: str) -> str:
    foot = f'<p style="font-size: 13px; color: #6b7280;"><a href="{link}" style="color: #6b7280;">Unsubscribe</a></p>'
    end = html.lower().rfind("</body>")
    return html + foot if end == -1 else html[:end] + foot + html[end:]
