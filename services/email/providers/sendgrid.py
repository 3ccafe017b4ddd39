"""SendGrid, Mail Send API v3: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send.

The reference is `X-Message-Id`, with which `sg_message_id` of an event begins; the event also has our id, as a custom
argument.
"""

from dataclasses import dataclass
from datetime import datetime

import orjson

from services.email.mime import mailbox
from services.email.providers.sender import sender_setting
from services.email.providers.sendgrid_codes import refused
from services.email.providers.sendgrid_finding import FIND_AFTER, found, query
from services.email.providers.sendgrid_message import sendgrid_message, without_separators
from services.email.providers.writing import written
from shared.http import HttpClient
from shared.messages.email import EmailMessage
from shared.providers.port import LookUp, Sent
from shared.settings import setting, url_of

_ACCEPTED = 202


@dataclass(frozen=True)
class SendGridSettings:
    """The account, by one of its keys."""

    api_key: str = setting("SENDGRID_API_KEY", "A key with the permission Mail Send.", secret=True)
    sender: str = sender_setting("SENDGRID_FROM")
    base_url: str = setting(
        "SENDGRID_BASE_URL", "Where the API is, or a stand-in for it; EU accounts: https://api.eu.sendgrid.com.",
        default="https://api.sendgrid.com", check=url_of("https", "http"),
    )  # fmt: skip
    tracking: bool = setting(
        "SENDGRID_TRACKING", "Count opens and clicks: an image and changed links in the HTML.", default=False
    )


class SendGrid:
    """Sends mail through one account over one pooled session."""

    name = "sendgrid"
    concurrency = 50
    find_after = FIND_AFTER

    def __init__(self, settings: SendGridSettings) -> None:
        self._sender = mailbox(settings.sender)
        self._tracking = settings.tracking
        self._base_url = settings.base_url.rstrip("/")
        self._headers = {
            "Authorization": f"Bearer {settings.api_key}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        self._http = HttpClient(connections=self.concurrency)

    async def send(self, message: EmailMessage) -> Sent:
        """Send one mail. SendGrid takes it into its queue; what becomes of it there is told by events."""
        body = await written(message, self._body)
        reply = await self._http.request("POST", f"{self._base_url}/v3/mail/send", headers=self._headers, content=body)
        reference = reply.headers.get("X-Message-Id")
        if reply.status != _ACCEPTED or not reference:
            raise refused(reply, own_sender=message.sender is not None)
        name = message.to_name or ""
        note = "" if without_separators(name) == name else "; the recipient's name is written without , and ;"
        return Sent(reference=reference, detail=f"202 Accepted{note}")

    async def find(self, message: EmailMessage, asked_at: datetime, ago: float) -> LookUp:
        """Whether SendGrid has it; see `services.email.providers.sendgrid_finding`. No other call has its id."""
        asked = query(message.delivery_id)
        reply = await self._http.request("GET", f"{self._base_url}/v3/messages", headers=self._headers, params=asked)
        return found(reply, asked_at, ago=ago)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()

    def _body(self, message: EmailMessage) -> bytes:
        return orjson.dumps(sendgrid_message(message, self._sender, tracking=self._tracking))
