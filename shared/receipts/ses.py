"""Events of Amazon SES, published to a topic of SNS (`shared.receipts.sns`).

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html, and for an identity's own
feedback https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html, which says less and names the event
`notificationType`.

Our id comes back as the message tag `crier_id`; in feedback of an identity only as the header `X-Crier-Id`, if headers
are included there. `mail.messageId` is the reference in any case. One message of SNS may be about several recipients:
each becomes an event of its own.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

import orjson

from shared.receipts.fetching import fetch as fetched
from shared.receipts.fields import delivery_id, fingerprint, moment, section, text
from shared.receipts.meaning import Meaning
from shared.receipts.port import Event, Incoming, Kind, Receipt
from shared.receipts.sns import NOTIFICATION, SUBSCRIPTION, Topic
from shared.settings import setting, url_of

ID_TAG = "crier_id"
ID_HEADER = "x-crier-id"

SECTIONS: Mapping[str, str] = {
    "Send": "send",
    "Reject": "reject",
    "RenderingFailure": "failure",
    "DeliveryDelay": "deliveryDelay",
    "Delivery": "delivery",
    "Bounce": "bounce",
    "Complaint": "complaint",
    "Open": "open",
    "Click": "click",
    "Subscription": "subscription",
}
"""Where an event's own fields are, by its type (of `Rendering Failure` without the space)."""

RECIPIENTS: Mapping[str, str] = {
    "DeliveryDelay": "delayedRecipients",
    "Delivery": "recipients",
    "Bounce": "bouncedRecipients",
    "Complaint": "complainedRecipients",
}
"""Where an event lists those it is about. The others are about everybody in `mail.destination`."""

EVENTS: Mapping[str, Meaning] = {
    "Send": Meaning(Kind.ACCEPTED),
    # A virus; a template of SES's, which Crier does not use.
    "Reject": Meaning(Kind.UNDELIVERED),
    "RenderingFailure": Meaning(Kind.UNDELIVERED),
    "DeliveryDelay": Meaning(Kind.DELAYED),
    "Delivery": Meaning(Kind.DELIVERED),
    "Open": Meaning(Kind.OPENED),
    "Click": Meaning(Kind.CLICKED),
}
"""Events that mean one thing."""

BOUNCES: Mapping[tuple[str, str], Meaning] = {
    ("Permanent", "General"): Meaning(Kind.UNDELIVERED, "bounce"),
    ("Permanent", "NoEmail"): Meaning(Kind.UNDELIVERED, "bounce"),
    # Not sent: the address bounced for SES before.
    ("Permanent", "Suppressed"): Meaning(Kind.UNDELIVERED, "bounce"),
    ("Permanent", "OnAccountSuppressionList"): Meaning(Kind.UNDELIVERED, "bounce"),
    ("Transient", "General"): Meaning(Kind.BOUNCED_FOR_NOW),
    ("Transient", "MailboxFull"): Meaning(Kind.BOUNCED_FOR_NOW),
    # These speak of the mail: they must not add up against the mailbox.
    ("Transient", "MessageTooLarge"): Meaning(Kind.UNDELIVERED),
    ("Transient", "ContentRejected"): Meaning(Kind.UNDELIVERED),
    ("Transient", "AttachmentRejected"): Meaning(Kind.UNDELIVERED),
    ("Undetermined", "Undetermined"): Meaning(Kind.BOUNCED_FOR_NOW),
}
"""`Bounce` by type and subtype. SES reports what it no longer tries."""

BOUNCE_TYPES: Mapping[str, Meaning] = {
    "Permanent": Meaning(Kind.UNDELIVERED, "bounce"),
    "Transient": Meaning(Kind.BOUNCED_FOR_NOW),
    "Undetermined": Meaning(Kind.BOUNCED_FOR_NOW),
}
"""`Bounce` of a subtype that is not listed."""

NO_COMPLAINTS = frozenset({"not-spam", "auth-failure"})
"""`complaintFeedbackType` by which nobody says that a mail was spam."""


def _arn(value: str) -> str | None:
    if re.fullmatch(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}", value):
        return None
    return f"must be the ARN of a standard topic, such as arn:aws:sns:eu-west-1:123456789012:crier, not {value!r}."


@dataclass(frozen=True)
class SesReceiptSettings:
    """Where SES's events come from."""

    topic_arn: str = setting("SES_SNS_TOPIC_ARN", "ARN of the SNS topic to which SES publishes events.", check=_arn)
    endpoint_url: str | None = setting(
        "SES_SNS_ENDPOINT_URL",
        "Where SNS has its certificates, if it is a stand-in; unset: at Amazon, and nowhere else.",
        default=None,
        check=url_of("https", "http"),
    )


class SesReceipts:
    """Verifies and reads events.

    Parameters:
        fetch: gets what is at a URL: the certificate SNS signs with, and the link that confirms the subscription.
    """

    name = "ses"
    channels = ("email",)

    def __init__(self, settings: SesReceiptSettings, *, fetch: Callable[[str], bytes] = fetched) -> None:
        self._topic = Topic(settings.topic_arn, settings.endpoint_url, fetch)

    def events(self, incoming: Incoming) -> Sequence[Event]:
        """The events of a call; as `Source.events`. Confirms the subscription to the topic when SNS asks.

        Raises:
            Unavailable: SNS has to be asked and cannot be; it will call again.
        """
        message = self._topic.message(incoming)
        if message["Type"] == SUBSCRIPTION:
            self._topic.confirm(message)
        if message["Type"] != NOTIFICATION:
            return []
        try:
            event = orjson.loads(text(message.get("Message")))
        except orjson.JSONDecodeError:
            event = None
        if not isinstance(event, dict):
            # When it is set up, SES tries the topic with a sentence.
            return []
        named = text(message.get("MessageId")) or fingerprint(event)
        parts = list(_by_recipient(event))
        return [Event(named if len(parts) == 1 else f"{named}.{index}", part) for index, part in enumerate(parts)]

    def read(self, body: Mapping[str, Any]) -> Receipt | None:
        """What an event means; as `Source.read`."""
        kind = _type(body)
        about = section(body, SECTIONS.get(kind, ""))
        meaning = _meaning(kind, about)
        if meaning is None:
            return None
        mail = section(body, "mail")
        concerned = _list(about.get(RECIPIENTS.get(kind, ""))) or _list(mail.get("destination"))
        one = concerned[0] if len(concerned) == 1 else None
        code, detail = _said(about, section(one))
        return Receipt(
            meaning.kind,
            occurred_at=moment(about.get("timestamp")) or moment(mail.get("timestamp")),
            delivery_id=_our_id(mail),
            reference=text(mail.get("messageId")) or None,
            target=_address(one),
            code=code or None,
            detail=detail,
            suppress=meaning.suppress,
        )


def _type(body: Mapping[str, Any]) -> str:
    return (text(body.get("eventType")) or text(body.get("notificationType"))).replace(" ", "")


def _by_recipient(event: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """The event, once for each of those it lists."""
    name, listed = SECTIONS.get(_type(event), ""), RECIPIENTS.get(_type(event), "")
    about = section(event, name)
    several = _list(about.get(listed))
    if len(several) < 2:
        return [event]
    return [{**event, name: {**about, listed: [one]}} for one in several]


def _meaning(kind: str, about: Mapping[str, Any]) -> Meaning | None:
    if kind == "Bounce":
        bounce = text(about.get("bounceType")), text(about.get("bounceSubType"))
        return BOUNCES.get(bounce) or BOUNCE_TYPES.get(bounce[0], Meaning(Kind.UNDELIVERED))
    if kind == "Complaint":
        # Not sent: the person complained before.
        if text(about.get("complaintSubType")) == "OnAccountSuppressionList":
            return Meaning(Kind.UNDELIVERED, "complaint")
        said = text(about.get("complaintFeedbackType"))
        return None if said in NO_COMPLAINTS else Meaning(Kind.COMPLAINED, "complaint")
    if kind == "Subscription":
        now, before = (section(about, f"{when}TopicPreferences").get("unsubscribeAll") for when in ("new", "old"))
        if now is True:
            return Meaning(Kind.UNSUBSCRIBED, "opt-out")
        return Meaning(Kind.RESUBSCRIBED) if before is True else None
    return EVENTS.get(kind)


def _said(about: Mapping[str, Any], recipient: Mapping[str, Any]) -> tuple[str, str]:
    """The code and the words of an event."""
    kinds = ("bounceType", "bounceSubType", "complaintSubType", "complaintFeedbackType", "delayType")
    kind = " ".join(found for name in kinds if (found := text(about.get(name))))
    words = (
        recipient.get("diagnosticCode"),
        about.get("smtpResponse"),
        about.get("reason"),
        about.get("errorMessage"),
        kind,
    )
    return text(recipient.get("status")) or kind, next((found for word in words if (found := text(word))), "")


def _our_id(mail: Mapping[str, Any]) -> Any:
    headers = [section(header) for header in _list(mail.get("headers"))]
    carried = [header.get("value") for header in headers if text(header.get("name")).lower() == ID_HEADER]
    candidates = (delivery_id(one) for one in [*_list(section(mail, "tags").get(ID_TAG)), *carried])
    return next((found for found in candidates if found), None)


def _address(recipient: Any) -> str | None:
    """The address of a recipient, who is an object, an address, or an address with a name."""
    return parseaddr(text(section(recipient).get("emailAddress")) or text(recipient))[1] or None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
