"""What was sent, as the page shows it to a person, whatever the vendor."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a message looks."""

    MAIL = "mail"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    PUSH = "push"
    WEBHOOK = "webhook"
    CHAT = "chat"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a mail; `cid` is set where the HTML shows it inline."""

    filename: str
    content_type: str
    content: bytes
    cid: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A message to look at.

    Parameters:
        title: subject or title; empty where there is none.
        text: the plain text.
        html: a mail's HTML.
        image: a push's image; shown as a link, for the page fetches nothing.
        facts: names and values worth a line each.
    """

    kind: Kind = Kind.OTHER
    title: str = ""
    text: str = ""
    html: str | None = None
    image: str | None = None
    facts: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()
