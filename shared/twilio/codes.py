"""What Twilio's error codes mean where that is something else than the HTTP status they come with.

Each code has a page with its meaning, and causes; `SOURCE` with the code in it. Those from 30001 on are mostly reported
after a message was accepted, in status callbacks and look-ups. Which of WhatsApp's own codes is behind one of 63001 and
up: https://www.twilio.com/docs/whatsapp/tutorial/error-codes.

What is not in the table goes by its status (`shared.http.refusal`), among others:

- 20429 (429): never processed, safe to repeat (https://www.twilio.com/docs/api/errors/20429).
- 20500, 20503 (5xx): not safe to repeat; the page of 20500 warns of recipients who get a message twice.
- 20003 (401), 20403 (403): credentials are wrong, the account is suspended or closed.
- 21655, 21656 (400): the content template is not the account's, or its variables are malformed.
- 63010, 63012, 63023: errors inside Twilio or WhatsApp, of which no page says whether the message went out.

Blame: a full queue, a spent campaign and a day's limit are one sender's, a handset is one person's. None of them says
that Twilio does not work, so they count against nobody.
"""

from collections.abc import Mapping

from shared.errors import SendError
from shared.providers.outcomes import ALERT, DEAD, FAULT, LATER, OPTED_OUT, REFUSED, SENDER, Row, after

SOURCE = "https://www.twilio.com/docs/api/errors/{code}"
_WHATSAPP = "https://www.twilio.com/docs/whatsapp/tutorial/error-codes"

QUEUE_FULL = 900.0
"""Seconds. A queue overflows when it holds hours of messages, so there is no room again within seconds."""
UNREACHABLE = 1800.0
"""Seconds until a handset that was switched off or out of reach is worth another try."""

_full = after(QUEUE_FULL, blames="nobody")
_unreachable = after(UNREACHABLE, blames="nobody")

OUTCOMES: Mapping[int, Row] = {
    10001: Row(FAULT, "the account is not active"),
    20005: Row(FAULT, "the account is not active"),
    21211: Row(DEAD, "not a telephone number"),
    21212: Row(SENDER, "the sender is no number, short code or name"),
    21408: Row(ALERT, "sending to this region is not enabled"),
    21601: Row(SENDER, "the sender is not a number of the account that can send"),
    # Said of a short code too, that cannot send to this country: a sender's fault, but not with everybody.
    21606: Row(ALERT, "the sender cannot send to this destination"),
    21610: Row(OPTED_OUT, "the recipient answered STOP to this sender"),
    21611: Row(_full, "this sender's queue is full"),
    21612: Row(ALERT, "no route from this sender to this number"),
    21614: Row(DEAD, "not a mobile number"),
    21635: Row(DEAD, "a landline"),
    21659: Row(ALERT, "the sender is not a Twilio number, or a short code of another country"),
    21660: Row(SENDER, "the sender is another account's"),
    21661: Row(SENDER, "the sender cannot send SMS"),
    21701: Row(FAULT, "the Messaging Service does not exist"),
    21702: Row(FAULT, "the Messaging Service does not send"),
    21703: Row(ALERT, "the Messaging Service has no sender for this number"),
    21704: Row(FAULT, "the Messaging Service has no sender at all"),
    21705: Row(FAULT, "not the SID of a Messaging Service"),
    30001: Row(_full, "queue overflow"),
    30002: Row(FAULT, "the account is suspended"),
    30003: Row(_unreachable, "the handset is unreachable"),
    30004: Row(ALERT, "message blocked"),
    30005: Row(DEAD, "unknown handset"),
    30006: Row(DEAD, "landline or unreachable carrier"),
    30007: Row(ALERT, "filtered by the carrier or by Twilio"),
    30008: Row(_unreachable, "unknown error of the carrier"),
    30022: Row(_full, "the campaign's rate is exceeded"),
    30034: Row(ALERT, "the sender is not registered for A2P 10DLC"),
    30036: Row(REFUSED, "the validity period ended in the queue: expired"),
    # Twilio itself does not repeat it, lest it arrive twice.
    30410: Row(REFUSED, "the carrier did not answer in time"),
    30450: Row(ALERT, "blocked as fraud"),
    63001: Row(FAULT, "WhatsApp denied the account access", _WHATSAPP),
    63002: Row(FAULT, "WhatsApp does not know the sender"),
    63003: Row(DEAD, "inactive or invalid number"),
    63005: Row(REFUSED, "content not accepted, or the number is not on WhatsApp"),
    63006: Row(REFUSED, "content that WhatsApp has no form for"),
    63007: Row(FAULT, "the sender is not registered with WhatsApp"),
    63008: Row(FAULT, "the channel is set up wrong"),
    63013: Row(REFUSED, "against WhatsApp's policy, e.g. an empty variable"),
    63014: Row(OPTED_OUT, "the recipient blocked this sender, or opted out"),
    63015: Row(REFUSED, "Twilio's sandbox, which the recipient has not joined"),
    63016: Row(REFUSED, "free text outside of the 24 hours"),
    63017: Row(LATER, "the account's rate is exceeded"),
    63018: Row(_full, "the sender's limit for a day is reached"),
    63021: Row(REFUSED, "content rejected, media of another type, or too long"),
    63024: Row(REFUSED, "not on WhatsApp, or its terms or version there are outdated"),
    63027: Row(ALERT, "no such template in this language", _WHATSAPP),
    63028: Row(REFUSED, "variables that are not the template's"),
    63032: Row(REFUSED, "WhatsApp shows this person no marketing, for an experiment"),
    63033: Row(REFUSED, "the recipient may not be written to", _WHATSAPP),
    63038: Row(after(QUEUE_FULL), "the account's limit for a day is reached"),
    # Of these three there is no page to be had; read from others' accounts of them.
    63040: Row(ALERT, "the template was rejected by WhatsApp"),
    63041: Row(ALERT, "the template was paused by WhatsApp"),
    63042: Row(ALERT, "the template was disabled by WhatsApp"),
    63049: Row(REFUSED, "Meta chose not to deliver a marketing message"),
    90010: Row(FAULT, "the account is not active"),
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


def outcome_of(code: object, reason: str, *, own_sender: bool = False) -> SendError | None:
    """What `code` means, `None` where its status decides.

    Parameters:
        own_sender: the message has a sender of its project's own.
    """
    row = OUTCOMES.get(code) if isinstance(code, int) else None
    return row.for_sender(own=own_sender)(reason, code=str(code)) if row else None
