"""Mailgun: https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages.

The mail goes as we build it (`messages.mime`), so that it is the same with every provider: what Mailgun builds of a
form shows some names wrong (https://github.com/anymail/django-anymail/issues/270), and names images by their files.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from services.email.mime import Mail, build, mailbox, message_id
from services.email.providers.mailgun_codes import refused
from services.email.providers.mailgun_finding import FIND_AFTER, found, query
from services.email.providers.sender import sender_setting
from services.email.providers.writing import written
from shared.errors import Rejected
from shared.http import HttpClient
from shared.messages.email import EmailMessage
from shared.providers.port import LookUp, Sent
from shared.settings import one_of, setting, url_of

MAX_BYTES = 25 * 1024 * 1024
"""What a mail may have (https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-http)."""
DELIVERY_ID = "crier_id"
"""The variable with our id; Mailgun repeats it in the `user-variables` of every event of this mail."""

_URLS = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}


def _domain(value: str) -> str | None:
    if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", value):
        return None
    return f"must be a domain as Mailgun's dashboard shows it, e.g. mg.example.com, not {value!r}."


@dataclass(frozen=True)
class MailgunSettings:
    """A sending domain, and a key that may send from it."""

    api_key: str = setting("MAILGUN_API_KEY", "A sending key of the domain, or one of the account.", secret=True)
    domain: str = setting("MAILGUN_DOMAIN", "The domain that was set up at Mailgun.", check=_domain)
    sender: str = sender_setting("MAILGUN_FROM")
    region: str = setting(
        "MAILGUN_REGION", "Where the domain was set up: us or eu.", default="us", check=one_of(*_URLS)
    )
    base_url: str | None = setting(
        "MAILGUN_BASE_URL", "Where the API is, or a stand-in for it; unset: the region's.",
        default=None, check=url_of("https", "http"),
    )  # fmt: skip
    tracking: bool = setting(
        "MAILGUN_TRACKING", "Count opens and clicks: an image and changed links in the HTML.", default=False
    )

    @property
    def url(self) -> str:
        """Where mails are posted."""
        return f"{self._domain_url}/messages.mime"

    @property
    def events_url(self) -> str:
        """Where they are looked up."""
        return f"{self._domain_url}/events"

    @property
    def _domain_url(self) -> str:
        return f"{(self.base_url or _URLS[self.region]).rstrip('/')}/v3/{self.domain}"


class Mailgun:
    """Sends mail from one domain over one pooled session."""

    name = "mailgun"
    concurrency = 50
    find_after = FIND_AFTER

    def __init__(self, settings: MailgunSettings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._sender = mailbox(settings.sender)
        self._tracking = settings.tracking
        self._url = settings.url
        self._events_url = settings.events_url
        self._headers = {"Authorization": "Basic " + b64encode(f"api:{settings.api_key}".encode()).decode()}
        self._http = HttpClient(connections=self.concurrency)

    async def send(self, message: EmailMessage) -> Sent:
        """Send one mail. The reference is its `Message-Id`, by which events name it."""
        mail = await written(message, self._build)
        reply = await self._http.request("POST", self._url, headers=self._headers, parts=self._parts(message, mail))
        answer = reply.json()
        reference = answer.get("id")
        if not reply.ok or not isinstance(reference, str):
            raise refused(reply, alone=len(mail.recipients) == 1)
        return Sent(reference=reference.strip("<>"), detail=str(answer.get("message", "")))

    async def find(self, message: EmailMessage, asked_at: datetime, ago: float) -> LookUp:
        """Whether Mailgun has it; see `services.email.providers.mailgun_finding`."""
        sender = mailbox(message.sender) if message.sender else self._sender
        named = message_id(message, sender).strip("<>")
        asked = query(named, asked_at)
        reply = await self._http.request("GET", self._events_url, headers=self._headers, params=asked)
        return found(reply, named, ago=ago)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()

    def _build(self, message: EmailMessage) -> Mail:
        options = [name for name in message.content.headers if name.lower().startswith("x-mailgun-")]
        if options:
            raise Rejected(f"Mailgun takes the header {options[0]} for one of its options: remove it.", code="headers")
        mail = build(message, self._sender, self._clock())
        if len(mail.content) > MAX_BYTES:
            raise Rejected(f"The mail has {len(mail.content)} bytes; Mailgun takes {MAX_BYTES}.", code="SIZE")
        return mail

    def _parts(self, message: EmailMessage, mail: Mail) -> Iterator[tuple[str, str | bytes]]:
        for recipient in mail.recipients:
            yield "to", recipient
        yield "message", mail.content
        yield f"v:{DELIVERY_ID}", str(message.delivery_id)
        yield "o:tracking", "htmlonly" if self._tracking else "no"
        for tag in message.content.tags:
            yield "o:tag", tag
