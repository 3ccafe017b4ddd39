"""Twilio, WhatsApp: https://www.twilio.com/docs/whatsapp/api.

The same Messages resource as for SMS, with `whatsapp:` before the numbers. A message is an approved content template
with its variables, or free text, which WhatsApp takes only within 24 hours of the recipient's last message. Twilio
accepts free text at any time and reports 63016 afterwards (https://www.twilio.com/docs/api/errors/63016).
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.whatsapp.providers.twilio_content import approved, content_variables, problem_of, sid_for
from shared.messages.whatsapp import WhatsAppContent, WhatsAppMessage
from shared.providers.port import LookUp, Sent
from shared.settings import setting
from shared.twilio.account import TwilioAccount, sid
from shared.twilio.finding import FIND_AFTER
from shared.twilio.messages import Messages


def _number(value: str) -> str | None:
    if re.fullmatch(r"\+[1-9][0-9]{6,14}", value):
        return None
    return f"must be the sender's number in international form, such as +14155238886; not {value!r}."


@dataclass(frozen=True)
class TwilioSettings(TwilioAccount):
    """Who sends WhatsApp messages, and which approved templates stand for ours."""

    sender: str | None = setting(
        "TWILIO_WHATSAPP_FROM", "Number of the WhatsApp sender, in international form.", default=None, check=_number
    )
    messaging_service_sid: str | None = setting(
        "TWILIO_WHATSAPP_MESSAGING_SERVICE_SID", "Messaging Service that chooses the WhatsApp sender.",
        default=None, check=sid("MG", "the service's page"),
    )  # fmt: skip
    content: tuple[str, ...] = setting(
        "TWILIO_WHATSAPP_CONTENT",
        "Approved content templates by the name of ours: booking_confirmation=HX…,trip_delay=HX…. "
        "What is not named is sent as free text.",
        default=(), check=problem_of,
    )  # fmt: skip

    def problems(self) -> list[str]:
        """A message has to come from somebody."""
        problems = super().problems()
        if not self.sender and not self.messaging_service_sid:
            problems.append(
                "TWILIO_WHATSAPP_FROM or TWILIO_WHATSAPP_MESSAGING_SERVICE_SID must be set: "
                "it says who the messages come from."
            )
        return problems


class Twilio:
    """Sends WhatsApp messages through one account."""

    name = "twilio"
    concurrency = 50
    find_after = FIND_AFTER

    def __init__(self, settings: TwilioSettings) -> None:
        self._sender = f"whatsapp:{settings.sender}" if settings.sender else None
        self._service = settings.messaging_service_sid
        self._approved = approved(settings.content)
        self._messages = Messages(settings, connections=self.concurrency)

    async def send(self, message: WhatsAppMessage) -> Sent:
        """Send one message. Twilio drops it from its queue when `message.validity` seconds have passed.

        Raises:
            Rejected: before the call, when a variable is one that an approved template cannot take.
        """
        said = self._said(message.content)
        made = await self._messages.create(
            message.delivery_id,
            validity=message.validity,
            to=f"whatsapp:{message.to}",
            from_=self._sender,
            messaging_service_sid=self._service,
            **said,
        )
        return Sent(reference=made.sid, detail=f"{made.status}, {said.get('content_sid') or 'free text'}")

    async def find(self, message: WhatsAppMessage, asked_at: datetime, ago: float) -> LookUp:
        """Whether Twilio has it; see `shared.twilio.finding`. What an approved template came to is not known here."""
        said = self._said(message.content)
        words = None if "content_sid" in said else message.content.body
        return await self._messages.find(f"whatsapp:{message.to}", words, asked_at)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._messages.close()

    def _said(self, content: WhatsAppContent) -> dict[str, Any]:
        """The approved template where there is one. Twilio takes no body beside it."""
        template = content.content_sid or sid_for(content.template, self._approved)
        if template:
            return {"content_sid": template, "content_variables": content_variables(content.variables)}
        return {"body": content.body, "media_url": [content.media_url] if content.media_url else None}
