"""Messages of Amazon SNS over HTTPS: whether one is from our topic, and what it carries.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. Nothing is fetched for a message of
another topic, nor from a host that is not SNS's: whoever can name the certificate signs what he likes. Its address must
end in `.pem` and have no query, for SNS answers queries with text of the caller's. The certificate is trusted because
it came from there over TLS; its dates are checked, its subject is not, which differs between regions. Who knows the
topic could have us ask SNS for certificates there are not, so new ones are asked for a few times a minute only.

SNS signs when a message was published, not when it is sent, and tries for up to an hour: see
docs/decisions/sns-freshness.md.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import count
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
from cachetools import LRUCache, TTLCache
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from shared.errors import Unavailable
from shared.receipts.fetching import fetch as fetched
from shared.receipts.fields import moment, section, text
from shared.receipts.port import Forged, Incoming

LATEST = 3900.0
"""Seconds after which a message is stale: the hour for which SNS tries at most
(https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html), and five minutes."""
EARLIEST = 300.0
"""Seconds our clock may be behind."""

NOTIFICATION, SUBSCRIPTION = "Notification", "SubscriptionConfirmation"
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED: Mapping[str, tuple[str, ...]] = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
"""What is signed, by type; `Subject` if there is one."""
HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "1": hashes.SHA1(),  # noqa: S303 (what SNS signs with unless the topic is set otherwise)
    "2": hashes.SHA256(),
}
"""By `SignatureVersion`."""

# Whole addresses, not their parts: what one parser takes for the host another may not.
_SNS = r"https://sns\.[a-z0-9-]{3,}\.amazonaws\.com(\.cn)?"
_CERTIFICATE, _QUERY = r"/[A-Za-z0-9._-]+\.pem", r"/\?[!-~]+"
_CERTIFICATES = 16
_FETCHES, _MINUTE = 10, 60.0


class Topic:
    """A topic we are subscribed to.

    Parameters:
        arn: the only topic whose messages are taken.
        endpoint: where SNS is, instead of at Amazon: the beginning of every URL that is fetched.
        fetch: gets what is at a URL; `Unavailable` if it cannot.
    """

    def __init__(self, arn: str, endpoint: str | None = None, fetch: Callable[[str], bytes] = fetched) -> None:
        self._arn = arn
        place = re.escape(endpoint.rstrip("/")) if endpoint else _SNS
        self._certificate_url = re.compile(place + _CERTIFICATE)
        self._subscribe_url = re.compile(place + _QUERY)
        self._fetch = fetch
        self._certificates: LRUCache[str, x509.Certificate] = LRUCache(_CERTIFICATES)
        self._fetches: TTLCache[int, None] = TTLCache(_FETCHES, _MINUTE)
        self._numbers = count()
        self._lock = Lock()

    def message(self, incoming: Incoming) -> Mapping[str, Any]:
        """The message of a call, which is the topic's.

        Raises:
            Forged: it is not, or too old.
            Unavailable: the certificate cannot be had now.
        """
        try:
            found = section(orjson.loads(incoming.body))
        except orjson.JSONDecodeError:
            raise Forged("no JSON, so no signature") from None
        kind, topic, url = text(found.get("Type")), text(found.get("TopicArn")), text(found.get("SigningCertURL"))
        algorithm = HASHES.get(text(found.get("SignatureVersion")))
        if kind not in SIGNED or algorithm is None:
            raise Forged("no message of SNS: raw delivery has to be off")
        if topic != self._arn:
            raise Forged(f"of the topic {topic[:300]!r}")
        if not self._certificate_url.fullmatch(url):
            raise Forged(f"names a certificate that is not SNS's: {url[:300]!r}")
        published = moment(found.get("Timestamp"))
        age = incoming.now - published.timestamp() if published else None
        if age is None or not -EARLIEST <= age <= LATEST:
            raise Forged("has no time" if age is None else f"published {age:.0f} s ago")
        key = self._key(url, datetime.fromtimestamp(incoming.now, UTC))
        try:
            signature = b64decode(text(found.get("Signature")), validate=True)
            key.verify(signature, _canonical(found, SIGNED[kind]), padding.PKCS1v15(), algorithm)
        except (InvalidSignature, ValueError):
            raise Forged("the signature is wrong") from None
        return found

    def confirm(self, message: Mapping[str, Any]) -> None:
        """Confirm the subscription a `SUBSCRIPTION` message asks about.

        Raises:
            Forged: the link leads elsewhere.
            Unavailable: SNS cannot be reached now; it will ask again.
        """
        url = text(message.get("SubscribeURL"))
        if not self._subscribe_url.fullmatch(url) or not self._asks_to_confirm(parse_qs(urlsplit(url).query)):
            raise Forged(f"wants to be confirmed elsewhere: {url[:300]!r}")
        self._fetch(url)

    def _asks_to_confirm(self, query: Mapping[str, list[str]]) -> bool:
        return query.get("Action") == ["ConfirmSubscription"] and query.get("TopicArn") == [self._arn]

    def _key(self, url: str, now: datetime) -> rsa.RSAPublicKey:
        with self._lock:
            certificate = self._certificates.get(url)
        if certificate is None:
            certificate = self._fetched(url)
            with self._lock:
                self._certificates[url] = certificate
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise Forged(f"the certificate {url} is not valid now")
        if not isinstance(key := certificate.public_key(), rsa.RSAPublicKey):
            raise Forged(f"the certificate {url} has no RSA key")
        return key

    def _fetched(self, url: str) -> x509.Certificate:
        with self._lock:
            if len(self._fetches) >= _FETCHES:
                raise Unavailable("too many certificates were asked for in a minute")
            self._fetches[next(self._numbers)] = None
        try:
            return x509.load_pem_x509_certificate(self._fetch(url))
        except ValueError:
            raise Unavailable(f"{url} is no certificate") from None


def _canonical(message: Mapping[str, Any], names: tuple[str, ...]) -> bytes:
    return "".join(f"{name}\n{text(message[name])}\n" for name in names if message.get(name) is not None).encode()
