"""A stand-in for what only SNS has: a key, its certificate, and messages signed with them."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from shared.receipts.port import Incoming

PUBLISHED = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-west-1:123456789012:crier"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
SUBSCRIBE = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NOTIFICATION = {
    "Type": "Notification",
    "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    "TopicArn": TOPIC,
    "Subject": "Amazon SES Email Event Notification",
    "Message": '{"eventType":"Send"}\n',
    "Timestamp": "2026-03-01T12:00:00.000Z",
    "SignatureVersion": "1",
    "SigningCertURL": CERTIFICATE,
    "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
}
CONFIRMATION = {
    "Type": "SubscriptionConfirmation",
    "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
    "Token": "2336412f37",
    "TopicArn": TOPIC,
    "Message": "You have chosen to subscribe to the topic.",
    "SubscribeURL": SUBSCRIBE,
    "Timestamp": "2026-03-01T12:00:00.000Z",
    "SignatureVersion": "1",
    "SigningCertURL": CERTIFICATE,
}


def certificate(key: Any = KEY, *, since: datetime = PUBLISHED - timedelta(days=1), days: int = 30) -> bytes:
    """A certificate of `key`, as PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(since).not_valid_after(since + timedelta(days=days))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def signed(message: Mapping[str, Any], key: rsa.RSAPrivateKey = KEY) -> dict[str, Any]:
    """`message` with its signature: what is signed, in its order, as SNS documents it."""
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    written = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    algorithm = hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()
    signature = key.sign(written.encode(), padding.PKCS1v15(), algorithm)
    return {**message, "Signature": b64encode(signature).decode()}


def call(message: Any, age: float = 10) -> Incoming:
    """A call with `message`, `age` seconds after it was published."""
    body = message if isinstance(message, bytes) else orjson.dumps(message)
    return Incoming("https://crier.example.com/v1/receipts/ses", {}, body, PUBLISHED.timestamp() + age)


@dataclass
class Fetched:
    """Answers with `content` and remembers what was asked for."""

    content: bytes = field(default_factory=certificate)
    urls: list[str] = field(default_factory=list)

    def __call__(self, url: str) -> bytes:
        self.urls.append(url)
        return self.content
