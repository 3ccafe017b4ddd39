"""Twilio's calls about SMS and WhatsApp: status callbacks, and what people write to our numbers.

- Signature: https://www.twilio.com/docs/usage/security#validating-requests. HMAC-SHA1 with the auth token over the
  address as Twilio was given it, query included, and all form fields; of a JSON body over the address, whose query has
  the body's hash. No time is signed, so a call may be repeated: its event has the same id again.
- Status callbacks: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status. They come in any order,
  have no id and no time. `RawDlrDoneDate` is some carrier's clock in no known zone, so it is not taken for a time. Our
  delivery's id is in the address (`shared.twilio.account`).
- Inbound messages: https://www.twilio.com/docs/messaging/guides/webhook-request. `OptOutType` is there with Advanced
  Opt-Out (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out); otherwise the words are those to which
  Twilio itself listens
  (https://help.twilio.com/articles/223134027-Twilio-support-for-opt-out-keywords-SMS-STOP-filtering-).

An empty 204 answers both: to a status callback Twilio wants a 2xx, and to a message no reply is sent without TwiML.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import orjson

from shared.errors import InvalidInput, Rejected, Unavailable
from shared.receipts.fields import delivery_id, section, text
from shared.receipts.port import Event, Forged, Incoming, Kind, Receipt
from shared.settings import setting
from shared.twilio.codes import OUTCOMES, explained, outcome_of

SIGNATURE = "X-Twilio-Signature"
FORM = "application/x-www-form-urlencoded"
BODY_HASH = "bodySHA256"
DELIVERY = "delivery"
"""In the query of a status callback's address: our id of the delivery."""
WHATSAPP = "whatsapp"
_MOST_FIELDS = 200

STATUSES: Mapping[str, Kind] = {
    "accepted": Kind.ACCEPTED,
    "scheduled": Kind.ACCEPTED,
    "queued": Kind.ACCEPTED,
    "sending": Kind.ACCEPTED,
    "sent": Kind.ACCEPTED,
    "delivered": Kind.DELIVERED,
    "read": Kind.OPENED,
    "undelivered": Kind.UNDELIVERED,
    "failed": Kind.UNDELIVERED,
    "canceled": Kind.UNDELIVERED,
}
"""https://www.twilio.com/docs/messaging/api/message-resource#message-status-values. `sent` is that the carrier took it;
`read` there is on WhatsApp only."""

OUT_OF_REACH = frozenset({30003, 30008})
"""Codes that speak of a handset. What else may be tried again is about our account or sender, and does not count
against the number."""

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START = frozenset({"START", "YES", "UNSTOP"})
"""A message that is one of these words and nothing else."""


@dataclass(frozen=True)
class TwilioReceiptSettings:
    """What Twilio signs its calls with."""

    auth_token: str = setting(
        "TWILIO_AUTH_TOKEN",
        "The account's auth token. Twilio signs its calls with it, also where an API key signs in.",
        secret=True,
    )


class TwilioReceipts:
    """Verifies and reads Twilio's calls."""

    name = "twilio"
    channels = ("sms", "whatsapp")

    def __init__(self, settings: TwilioReceiptSettings) -> None:
        self._auth_token = settings.auth_token

    def events(self, incoming: Incoming) -> Sequence[Event]:
        """The event of a call; as `Source.events`."""
        fields = self._verified(incoming)
        message = fields.get("MessageSid") or fields.get("SmsSid")
        if not message:
            raise InvalidInput({"MessageSid": ["is missing: this is no status callback and no message."]})
        if "MessageStatus" not in fields:
            return [Event(f"{message}:inbound", {"form": _without_words(fields)})]
        id_ = ":".join((message, _status_of(fields), fields.get("ErrorCode", "")))
        given = parse_qs(urlsplit(incoming.url).query).get(DELIVERY, [""])[0]
        return [Event(id_, {"delivery": given, "form": fields})]

    def read(self, body: Mapping[str, Any]) -> Receipt | None:
        """What a call means; as `Source.read`."""
        form = {name: text(value) for name, value in section(body, "form").items()}
        return _status(form, body) if "MessageStatus" in form else _written(form)

    @cached_property
    def _validator(self) -> Any:
        # Not at the top: the relay reads events and has no need of the package.
        from twilio.request_validator import RequestValidator

        return RequestValidator(self._auth_token)

    def _verified(self, incoming: Incoming) -> dict[str, str]:
        """The fields of a call that Twilio signed."""
        signature, body = incoming.headers.get(SIGNATURE, ""), incoming.body.decode(errors="replace")
        is_form = incoming.headers.get("Content-Type", "").partition(";")[0].strip().lower() == FORM
        fields = _form(body) if is_form else {}
        # Of another body than a form only its hash is signed; without one nothing would hold the body.
        held = is_form or BODY_HASH in parse_qs(urlsplit(incoming.url).query)
        if not signature:
            raise Forged(f"{SIGNATURE} is missing")
        if not held or not self._validator.validate(incoming.url, fields if is_form else body, signature):
            raise Forged(
                f"{SIGNATURE} is not the auth token's over {urlsplit(incoming.url)._replace(query='').geturl()}"
            )
        return fields if is_form else _object(body)


def _form(body: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise Forged(f"no form: {error}") from None


def _object(body: str) -> dict[str, str]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise InvalidInput({"body": ["must be a form or a JSON object."]})
    return {name: text(value) for name, value in found.items()}


def _status(form: Mapping[str, str], body: Mapping[str, Any]) -> Receipt | None:
    status = _status_of(form)
    kind = STATUSES.get(status)
    if kind is None:
        return None
    channel, target = _address(form.get("To", ""))
    suppress, retry_after, code, detail = None, None, form.get("ErrorCode") or None, ""
    if kind is Kind.UNDELIVERED:
        number = int(code) if code and code.isdecimal() else None
        said = form.get("ChannelStatusMessage") or form.get("ErrorMessage") or _means(number, status)
        detail = explained(number, said)
        match outcome_of(number, said):
            case Rejected(target_is_dead=True):
                suppress = "invalid"
            case Rejected(opted_out=True):
                suppress = "opt-out"
            case Unavailable(retry_after=seconds):
                retry_after = seconds
                kind = Kind.BOUNCED_FOR_NOW if number in OUT_OF_REACH else kind
    return Receipt(
        kind,
        delivery_id=delivery_id(body.get("delivery")),
        reference=form.get("MessageSid") or form.get("SmsSid"),
        target=target,
        channel=channel,
        code=code,
        detail=detail,
        suppress=suppress,
        retry_after=retry_after,
    )


def _status_of(form: Mapping[str, str]) -> str:
    return "read" if form.get("EventType", "").upper() == "READ" else form["MessageStatus"].lower()


def _means(code: int | None, status: str) -> str:
    """What a code means, of which Twilio's call itself has no words for SMS."""
    row = OUTCOMES.get(code) if code is not None else None
    return row.means if row else f"Twilio reports {status}"


def _written(form: Mapping[str, str]) -> Receipt | None:
    """What somebody's message asks for."""
    channel, target = _address(form.get("From", ""))
    kind = _wish(form)
    if kind is None or target is None:
        return None
    said = form.get("Body") or form.get("OptOutType", "")
    suppress = "opt-out" if kind is Kind.UNSUBSCRIBED else None
    return Receipt(kind, target=target, channel=channel, detail=f"wrote {said.strip()}", suppress=suppress)


def _wish(form: Mapping[str, str]) -> Kind | None:
    word = (form.get("OptOutType") or form.get("Body", "")).strip().strip(".!\"'").upper()
    if word in STOP:
        return Kind.UNSUBSCRIBED
    return Kind.RESUBSCRIBED if word in START else None


def _without_words(form: Mapping[str, str]) -> dict[str, str]:
    """A message as it is stored. What people write to us otherwise is none of our business, and is not kept."""
    kept = ("MessageSid", "From", "To", "MessagingServiceSid", "OptOutType", *(["Body"] if _wish(form) else []))
    return {name: form[name] for name in kept if name in form}


def _address(address: str) -> tuple[str, str | None]:
    """Channel and number of `whatsapp:+44…` or `+44…`."""
    prefix, _, number = address.rpartition(":")
    return WHATSAPP if prefix == WHATSAPP else "sms", number or None
