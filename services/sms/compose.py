"""What an SMS goes through before it is sent: where it may go, who it comes from, how long it may be."""

from collections.abc import Mapping
from uuid import UUID

from services.sms.destinations import refusal
from services.sms.settings import SmsSettings
from shared.errors import Rejected
from shared.messages.countries import country_of
from shared.messages.gsm7 import named, outside_gsm7, with_plain_punctuation
from shared.messages.segments import Measure, measure, truncate
from shared.messages.sms import SmsContent, SmsMessage
from shared.messages.sms_senders import sender_for


def compose(
    content: SmsContent,
    settings: SmsSettings,
    *,
    delivery_id: UUID,
    target: str,
    expires_in: float | None,
    senders: Mapping[str, str],
) -> SmsMessage:
    """The message a provider sends.

    Parameters:
        target: the number, E.164.
        expires_in: seconds until it is worthless.
        senders: who messages come from by ISO 3166 country, `*` for all others.

    Raises:
        Rejected: nothing is sent to such numbers, or the text is empty, or too long under `reject`.
    """
    country = country_of(target)
    if refused := refusal(target, country, settings):
        raise refused
    return SmsMessage(
        delivery_id, target, SmsContent(_fitting(content.body, settings)), sender_for(country, senders), expires_in
    )


def _fitting(body: str, settings: SmsSettings) -> str:
    if settings.transliterate == "punctuation":
        body = with_plain_punctuation(body)
    if not body.strip():
        raise Rejected("The text is empty.", code="empty")
    found = measure(body)
    if found.segments <= settings.max_segments or settings.length == "allow":
        return body
    if settings.length == "truncate":
        return truncate(body, settings.max_segments)
    raise Rejected(_too_long(body, found, settings.max_segments), code="too-long")


def _too_long(body: str, found: Measure, allowed: int) -> str:
    units = f"{found.units} units of {found.encoding.name}"
    if outside := outside_gsm7(body):
        units += f", which it is because of {named(outside)}"
    return f"The text takes {found.segments} SMS ({units}); CRIER_SMS_MAX_SEGMENTS allows {allowed}."
