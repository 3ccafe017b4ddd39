"""Events of SES, published to a topic of SNS with one subscriber.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html; the messages of SNS and their
signature: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html and
…/sns-verify-signature-of-message.html.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from secrets import token_hex
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import uuid4

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from crier.sandbox.callbacks import Callback
from crier.sandbox.mail_reports import Happening

TOPIC = "arn:aws:sns:eu-west-1:123456789012:crier-sandbox"
SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
"""What is signed of a message, where it has it."""

_VALID = timedelta(days=30)
_FULL = "smtp; 452 4.2.2 The email account that you tried to reach is over quota"
_UNKNOWN = "smtp; 550 5.1.1 user unknown"
_BROWSER = {"ipAddress": "192.0.2.1", "userAgent": "Mozilla/5.0"}


class Words(NamedTuple):
    """An event as SES writes it.

    Parameters:
        section: where the event's own fields are.
        listed: where in there its recipients are. said: what is said of each.
    """

    event: str
    section: str
    fields: Mapping[str, Any]
    listed: str | None = None
    said: Mapping[str, str] = {}


STEPS: Mapping[str, Words] = {
    "accepted": Words("Send", "send", {}),
    "deferred": Words(
        "DeliveryDelay", "deliveryDelay", {"delayType": "MailboxFull"},
        "delayedRecipients", {"status": "4.2.2", "diagnosticCode": _FULL},
    ),
    "delivered": Words(
        "Delivery", "delivery", {"processingTimeMillis": 500, "smtpResponse": "250 2.0.0 OK"}, "recipients",
    ),
    "bounced": Words(
        "Bounce", "bounce", {"bounceType": "Permanent", "bounceSubType": "NoEmail"},
        "bouncedRecipients", {"action": "failed", "status": "5.1.1", "diagnosticCode": _UNKNOWN},
    ),
    "given-up": Words(
        "Bounce", "bounce", {"bounceType": "Transient", "bounceSubType": "MailboxFull"},
        "bouncedRecipients", {"action": "failed", "status": "4.2.2", "diagnosticCode": _FULL},
    ),
    "dropped": Words(
        "Bounce", "bounce", {"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList"},
        "bouncedRecipients", {"action": "failed", "status": "5.1.1"},
    ),
    "rejected": Words("Reject", "reject", {"reason": "Bad content"}),
    "opened": Words("Open", "open", _BROWSER),
    "clicked": Words("Click", "click", {"link": "https://example.com/", **_BROWSER}),
    "complained": Words(
        "Complaint", "complaint", {"complaintFeedbackType": "abuse", "complaintSubType": None}, "complainedRecipients",
    ),
    "unsubscribed": Words(
        "Subscription", "subscription",
        {"newTopicPreferences": {"unsubscribeAll": True}, "oldTopicPreferences": {"unsubscribeAll": False}},
    ),
}  # fmt: skip
"""Each step in SES's words."""


class Topic:
    """Signs and publishes; its key and certificate are made when they are first needed.

    Parameters:
        url: where SNS is, without a slash at the end.
    """

    steps = tuple(STEPS)

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def certificate(self) -> bytes:
        """What it signs with, as PEM."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self._key.public_key())
        made = made.serial_number(x509.random_serial_number())
        made = made.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + _VALID)
        return made.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    @property
    def certificate_name(self) -> str:
        """Its file, of another name for another certificate."""
        return f"SimpleNotificationService-{sha256(self.certificate).hexdigest()[:32]}.pem"

    def calls(self, url: str, happenings: Sequence[Happening]) -> Sequence[Callback]:
        """A message for what happens alike, whomever it happens to."""
        alike: dict[str, list[Happening]] = {}
        for one in happenings:
            alike.setdefault(one.step, []).append(one)
        return [self._notification(url, step, concerned) for step, concerned in alike.items()]

    def confirmation(self, url: str) -> Callback:
        """The question whether `url` wants to be subscribed."""
        token = token_hex(32)
        query = urlencode({"Action": "ConfirmSubscription", "TopicArn": TOPIC, "Token": token})
        message = {
            "Message": f"You have chosen to subscribe to the topic {TOPIC}.",
            "SubscribeURL": f"{self._url}/?{query}",
            "Token": token,
        }
        return self._call(url, "SubscriptionConfirmation", message)

    def _notification(self, url: str, step: str, concerned: Sequence[Happening]) -> Callback:
        mail = concerned[0].mail
        event = _event(step, mail.taken_at, concerned)
        subject = "Amazon SES Email Event Notification"
        unsubscribe = f"{self._url}/?{urlencode({'Action': 'Unsubscribe', 'SubscriptionArn': TOPIC})}"
        message = {"Subject": subject, "Message": orjson.dumps(event).decode() + "\n", "UnsubscribeURL": unsubscribe}
        return replace(
            self._call(url, "Notification", message),
            delivery=mail.delivery,
            reference=mail.reference,
            recipient=", ".join(one.recipient for one in concerned),
        )

    def _call(self, url: str, kind: str, fields: Mapping[str, str]) -> Callback:
        message = {
            "Type": kind,
            "MessageId": str(uuid4()),
            "TopicArn": TOPIC,
            **fields,
            "Timestamp": _iso(datetime.now(UTC)),
            "SignatureVersion": "2",
            "SigningCertURL": f"{self._url}/{self.certificate_name}",
        }
        written = "".join(f"{name}\n{message[name]}\n" for name in SIGNED if name in message).encode()
        message["Signature"] = b64encode(self._key.sign(written, padding.PKCS1v15(), hashes.SHA256())).decode()
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "User-Agent": "Amazon Simple Notification Service Agent",
            "x-amz-sns-message-id": message["MessageId"],
            "x-amz-sns-message-type": kind,
            "x-amz-sns-topic-arn": TOPIC,
        }
        return Callback("ses", url, orjson.dumps(message), headers)

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _event(step: str, sent_at: datetime, concerned: Sequence[Happening]) -> dict[str, Any]:
    words, mail, addresses = STEPS[step], concerned[0].mail, [one.recipient for one in concerned]
    about = dict(words.fields)
    if words.event not in ("Send", "Reject"):
        about["timestamp"] = _iso(datetime.now(UTC))
    if words.listed:
        # Of a delivery they are addresses only.
        objects = words.listed != "recipients"
        about[words.listed] = [{"emailAddress": one, **words.said} if objects else one for one in addresses]
    return {
        "eventType": words.event,
        "mail": {
            "timestamp": _iso(sent_at),
            "source": "sandbox@example.com",
            "sendingAccountId": TOPIC.split(":")[4],
            "messageId": mail.reference,
            # All of them: who of several opened a mail, SES does not tell.
            "destination": list(mail.recipients),
            "headersTruncated": False,
            "headers": [],
            "tags": mail.carried,
        },
        words.section: about,
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
