"""What Twilio's error codes mean where that is something else than the HTTP status they come with.

Codes and meanings: https://www.twilio.com/docs/api/errors and the page of each, e.g.
https://www.twilio.com/docs/api/errors/21610. Those from 30001 on are mostly reported after a message was accepted, in
status callbacks and look-ups. Which of WhatsApp's own codes is behind one of 63001 and up:
https://www.twilio.com/docs/whatsapp/tutorial/error-codes. 63001, 63027 and 63033 are read from that page alone, and
63040 to 63042 from others' accounts of them.

What is not in the table goes by its status (`shared.http.refusal`), among others:

- 20429 (429): never processed, safe to repeat (https://www.twilio.com/docs/api/errors/20429).
- 20500, 20503 (5xx): not safe to repeat; the page of 20500 warns of recipients who get a message twice.
- 20003 (401), 20403 (403): credentials are wrong, the account is suspended or closed.
- 21610 (400): the recipient answered STOP to this sender; another sender may still write.
- 21408, 21612, 21703 (400): region not enabled, no route or no sender of the service's for this number.
- 21655, 21656 (400): the content template is not the account's, or its variables are malformed.
- 63010, 63012, 63023: errors inside Twilio or WhatsApp, of which no page says whether the message went out.
"""

from collections.abc import Mapping

from shared.errors import SendError
from shared.providers.outcomes import DEAD, FAULT, LATER, REFUSED, Outcome, after

QUEUE_FULL = 900.0
"""Seconds. A queue overflows when it holds hours of messages, so there is no room again within seconds."""
UNREACHABLE = 1800.0
"""Seconds until a handset that was switched off or out of reach is worth another try."""

OUTCOMES: Mapping[int, Outcome] = {
    10001: FAULT,  # account not active
    20005: FAULT,  # account not active
    21211: DEAD,  # not a telephone number
    21611: after(QUEUE_FULL),  # this sender's queue is full
    21614: DEAD,  # not a mobile number
    21635: DEAD,  # a landline
    21660: FAULT,  # the sender is another account's
    21701: FAULT,  # the Messaging Service does not exist
    21702: FAULT,  # the Messaging Service does not send
    21704: FAULT,  # the Messaging Service has no sender at all
    21705: FAULT,  # not the SID of a Messaging Service
    30001: after(QUEUE_FULL),  # queue overflow
    30002: FAULT,  # account suspended
    30003: after(UNREACHABLE),  # handset unreachable
    30004: REFUSED,  # message blocked
    30005: DEAD,  # unknown handset
    30006: DEAD,  # landline or unreachable carrier
    30007: REFUSED,  # filtered by the carrier
    30008: after(UNREACHABLE),  # unknown error of the carrier
    30022: after(QUEUE_FULL),  # the campaign's rate is exceeded
    30034: REFUSED,  # sender not registered
    30036: REFUSED,  # the validity period ended in the queue
    30450: REFUSED,  # blocked as fraud
    63001: FAULT,  # WhatsApp denied the account access
    63002: FAULT,  # WhatsApp does not know the sender
    63003: DEAD,  # inactive or invalid number
    63005: REFUSED,  # content not accepted, or the number is not on WhatsApp
    63006: REFUSED,  # content that WhatsApp has no form for
    63007: FAULT,  # the sender is not registered with WhatsApp
    63008: FAULT,  # the channel is set up wrong
    63013: REFUSED,  # against WhatsApp's policy, e.g. an empty variable
    63014: REFUSED,  # blocked by the recipient
    63015: REFUSED,  # Twilio's sandbox, which the recipient has not joined
    63016: REFUSED,  # free text outside of the 24 hours
    63017: LATER,  # the account's rate is exceeded
    63018: after(QUEUE_FULL),  # the sender's limit for a day is reached
    63021: REFUSED,  # content rejected, media of another type, or too long
    63024: REFUSED,  # not on WhatsApp, or its terms or version there are outdated
    63027: REFUSED,  # no such template in this language
    63028: REFUSED,  # variables that are not the template's
    63032: REFUSED,  # WhatsApp shows this person no marketing, for an experiment
    63033: REFUSED,  # the recipient may not be written to
    63038: after(QUEUE_FULL),  # the account's limit for a day is reached
    63040: REFUSED,  # template rejected by WhatsApp
    63041: REFUSED,  # template paused by WhatsApp
    63042: REFUSED,  # template disabled by WhatsApp
    63049: REFUSED,  # Meta chose not to deliver a marketing message
    90010: FAULT,  # account not active
}

REMEDIES: Mapping[int, str] = {
    21655: "Check the content SID in TWILIO_WHATSAPP_CONTENT or in content.content_sid: it must be this account's.",
    21656: "The variables must be those of the approved template.",
    63015: "The sender is Twilio's sandbox: the recipient has to join it first.",
    63016: "WhatsApp takes free text only within 24 hours of the recipient's last message: send an approved template, "
    "by content.content_sid or by naming it in TWILIO_WHATSAPP_CONTENT.",
    63028: "The variables must be those of the approved template.",
}
"""What to do about a code, where Twilio's own words do not say it in ours."""


def explained(code: object, reason: str) -> str:
    """Twilio's `reason`, and what to do about it."""
    remedy = REMEDIES.get(code) if isinstance(code, int) else None
    return f"{reason.rstrip(' .')}. {remedy}" if remedy else reason


def outcome_of(code: object, reason: str) -> SendError | None:
    """What `code` means, `None` where its status decides."""
    return OUTCOMES[code](reason, code=str(code)) if isinstance(code, int) and code in OUTCOMES else None
