"""Twilio, SMS: https://www.twilio.com/docs/messaging/api/message-resource."""

from dataclasses import dataclass
from datetime import datetime

from shared.messages.sms import SmsMessage
from shared.providers.port import LookUp, Sent
from shared.settings import setting
from shared.twilio.account import TwilioAccount, sid
from shared.twilio.finding import FIND_AFTER
from shared.twilio.messages import Messages


@dataclass(frozen=True)
class TwilioSettings(TwilioAccount):
    """Who sends SMS."""

    sender: str | None = setting(
        "TWILIO_FROM", "Number, short code or alphanumeric sender ID messages come from.", default=None
    )
    messaging_service_sid: str | None = setting(
        "TWILIO_MESSAGING_SERVICE_SID", "Messaging Service that chooses the sender.",
        default=None, check=sid("MG", "the service's page"),
    )  # fmt: skip

    def problems(self) -> list[str]:
        """A message has to come from somebody."""
        problems = super().problems()
        if not self.sender and not self.messaging_service_sid:
            problems.append(
                "TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID must be set: it says who the messages come from. "
                "Where the account is for WhatsApp only, name what sends SMS in CRIER_SMS_ROUTE, e.g. outbox."
            )
        return problems


class Twilio:
    """Sends SMS through one account."""

    name = "twilio"
    concurrency = 50
    find_after = FIND_AFTER

    def __init__(self, settings: TwilioSettings) -> None:
        self._settings = settings
        self._messages = Messages(settings, connections=self.concurrency)

    async def send(self, message: SmsMessage) -> Sent:
        """Send one SMS. Twilio drops it from its queue when `message.validity` seconds have passed."""
        made = await self._messages.create(
            message.delivery_id,
            validity=message.validity,
            own_sender=message.sender is not None,
            to=message.to,
            from_=message.sender or self._settings.sender,
            messaging_service_sid=self._settings.messaging_service_sid,
            body=message.content.body,
        )
        return Sent(reference=made.sid, detail=f"{made.status}, segments: {made.num_segments}")

    async def find(self, message: SmsMessage, asked_at: datetime, ago: float) -> LookUp:
        """Whether Twilio has it; see `shared.twilio.finding`."""
        return await self._messages.find(message.to, message.content.body, asked_at)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._messages.close()
