"""Twilio's Message resource: what is refused, what is kept, how it is shown.

https://www.twilio.com/docs/messaging/api/message-resource
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from crier.sandbox.twilio import content
from crier.sandbox.twilio.errors import LATER, MAGIC_SENDERS
from shared.messages.countries import country_of

WHATSAPP = "whatsapp:"
WHATSAPP_SENDER = "+14155238886"
"""The account's WhatsApp sender; the number of Twilio's own sandbox for WhatsApp."""
SILENT = "+15005550316"
"""Has not written to the sender for 24 hours; everybody else has."""

Form = Mapping[str, str]
_ADDRESS = re.compile(r"(whatsapp:)?\+[1-9][0-9]{6,14}")
_SENDER = re.compile(r"(whatsapp:)?\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}")
_SERVICE = re.compile(r"MG[0-9a-f]{32}")
_LONGEST_BODY = 1600
_LONGEST_VALIDITY = 36_000
_GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_7_EXTENDED = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was taken. `error_code` is what a look-up will say became of it."""

    sid: str
    created: datetime
    to: str
    sender: str | None
    service: str | None
    body: str
    media: int
    error_code: int | None = None
    callback: str | None = None

    @classmethod
    def of(cls, form: Form, sid: str, created: datetime, error_code: int | None = None) -> "Message":
        """The message that `form` asks for, if nothing is wrong with it (see `refusal`)."""
        return cls(
            sid=sid,
            created=created.replace(microsecond=0),
            to=form["To"],
            sender=form.get("From") or None,
            service=form.get("MessagingServiceSid") or None,
            body=content.text(form),
            media=1 if form.get("MediaUrl") else 0,
            error_code=error_code,
            callback=form.get("StatusCallback") or None,
        )

    @property
    def segments(self) -> int:
        """The SMS it takes; what goes over another channel is one."""
        return 1 if self.to.startswith(WHATSAPP) else segments(self.body)

    def show(self, account: str, *, created_now: bool) -> dict[str, Any]:
        """The documented resource: as it is answered on creation, or as a later look-up finds it."""
        uri = f"/2010-04-01/Accounts/{account}/Messages/{self.sid}"
        date = format_datetime(self.created)
        if created_now:
            status = "accepted" if self.service else "queued"
        else:
            status = "delivered" if self.error_code is None else "undelivered"
        error_code = None if created_now else self.error_code
        return {
            "account_sid": account,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": date,
            "date_sent": None if created_now else date,
            "date_updated": date,
            "direction": "outbound-api",
            "error_code": error_code,
            "error_message": None if error_code is None else LATER[error_code],
            "from": self.sender,
            "messaging_service_sid": self.service,
            "num_media": str(self.media),
            # A Messaging Service has not chosen a sender yet, so Twilio does not know the segments either.
            "num_segments": "0" if created_now and self.service else str(self.segments),
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.to,
            "uri": f"{uri}.json",
        }

    def matches(self, query: Mapping[str, str]) -> bool:
        """Whether a list filtered by `To`, `From`, `DateSent`, `DateSent>` and `DateSent<` has it."""
        after, before = _date(query.get("DateSent>")), _date(query.get("DateSent<"))
        day = _date(query.get("DateSent"))
        return (
            query.get("To", self.to) == self.to
            and query.get("From", self.sender) == self.sender
            and (after is None or self.created >= after)
            and (before is None or self.created <= before)
            and (day is None or self.created.date() == day.date())
        )


def refusal(form: Form) -> int | None:
    """The code of the error for which a message is refused."""
    return _refused_address(form) or content.refusal(form) or _refused_message(form)


def _refused_address(form: Form) -> int | None:
    to, sender, service = form.get("To"), form.get("From"), form.get("MessagingServiceSid")
    if not to:
        return 21604
    if not sender and not service:
        return 21603
    if not _ADDRESS.fullmatch(to):
        return 21211
    if sender and not _SENDER.fullmatch(sender):
        return 21212
    if sender and sender in MAGIC_SENDERS:
        return MAGIC_SENDERS[sender]
    if service and not _SERVICE.fullmatch(service):
        return 21701
    if sender == to:
        return 21266
    if sender and re.search("[A-Za-z]", sender.removeprefix(WHATSAPP)) and _without_names(to):
        return 21612
    if sender and to.startswith(WHATSAPP) != sender.startswith(WHATSAPP):
        return 21910
    return 63007 if sender and sender.startswith(WHATSAPP) and sender != WHATSAPP + WHATSAPP_SENDER else None


def _without_names(to: str) -> bool:
    """Whether networks there carry no alphanumeric sender: https://www.twilio.com/guidelines/us/sms."""
    return country_of(to.removeprefix(WHATSAPP)) in ("US", "CA")


def _refused_message(form: Form) -> int | None:
    body, media, callback = form.get("Body", ""), form.get("MediaUrl"), form.get("StatusCallback")
    validity = form.get("ValidityPeriod")
    if not body and not media and not form.get("ContentSid"):
        return 21602
    if len(body) > _LONGEST_BODY:
        return 21617
    if media and not _is_url(media):
        return 21620
    if callback and not _is_url(callback):
        return 21609
    if validity and not (validity.isdecimal() and 1 <= int(validity) <= _LONGEST_VALIDITY):
        return 21624
    return None


def refused_later(form: Form) -> int | None:
    """The code of the error that WhatsApp has for an accepted message, if any."""
    if not form["To"].startswith(WHATSAPP):
        return None
    if form["To"] == WHATSAPP + SILENT and not form.get("ContentSid"):
        return 63016
    return content.later(form)


def segments(body: str) -> int:
    """How many SMS `body` takes: 160 GSM-7 characters or 70 UTF-16 units; 153 or 67 each if more than one.

    https://www.twilio.com/docs/glossary/what-sms-character-limit
    """
    if (_GSM_7 | _GSM_7_EXTENDED).issuperset(body):
        length, single, each = len(body) + sum(c in _GSM_7_EXTENDED for c in body), 160, 153
    else:
        length, single, each = len(body.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= single else -(-length // each)


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "_" not in (parts.hostname or "")


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    date = datetime.fromisoformat(text)
    return date if date.tzinfo else date.replace(tzinfo=UTC)
