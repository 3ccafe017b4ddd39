"""Messages of SNS: only those our topic signed get in, and nothing is fetched for the others."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from shared.errors import Unavailable
from shared.receipts.port import Forged
from shared.receipts.sns import LATEST, Topic
from tests.shared.receipts.sns_signing import (
    CERTIFICATE,
    CONFIRMATION,
    NOTIFICATION,
    PUBLISHED,
    SUBSCRIBE,
    TOPIC,
    Fetched,
    call,
    certificate,
    signed,
)

SIGNED = signed(NOTIFICATION)
UNSUBSCRIBED = CONFIRMATION | {"Type": "UnsubscribeConfirmation"}


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "message",
    [NOTIFICATION, {n: v for n, v in NOTIFICATION.items() if n != "Subject"}, CONFIRMATION, UNSUBSCRIBED],
    ids=["notification", "without a subject", "confirmation", "end of subscription"],
)
def test_what_sns_signed_is_genuine(message: Mapping[str, Any], version: str) -> None:
    genuine = signed({**message, "SignatureVersion": version})
    assert Topic(TOPIC, fetch=Fetched()).message(call(genuine)) == genuine


def test_a_subject_of_null_is_not_signed() -> None:
    genuine = signed({n: v for n, v in NOTIFICATION.items() if n != "Subject"}) | {"Subject": None}
    assert Topic(TOPIC, fetch=Fetched()).message(call(genuine)) == genuine


@pytest.mark.parametrize("name", ["Message", "MessageId", "Subject", "Timestamp", "Type"])
def test_an_altered_field_is_forged(name: str) -> None:
    altered = {"Timestamp": "2026-03-01T12:00:01.000Z", "Type": "UnsubscribeConfirmation"}
    with pytest.raises(Forged, match="signature is wrong"):
        Topic(TOPIC, fetch=Fetched()).message(call(SIGNED | {name: altered.get(name, SIGNED[name] + " ")}))


@pytest.mark.parametrize("name", ["Token", "SubscribeURL"])
def test_an_altered_confirmation_is_forged(name: str) -> None:
    genuine = signed(CONFIRMATION)
    with pytest.raises(Forged, match="signature is wrong"):
        Topic(TOPIC, fetch=Fetched()).message(call(genuine | {name: genuine[name] + "0"}))


@pytest.mark.parametrize("signature", [None, "", "no base64", "ünïcode", "AAAA", 7])
def test_a_message_without_its_signature_is_forged(signature: Any) -> None:
    with pytest.raises(Forged, match="signature is wrong"):
        Topic(TOPIC, fetch=Fetched()).message(call(SIGNED | {"Signature": signature}))


def test_another_keys_signature_is_forged() -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(Forged, match="signature is wrong"):
        Topic(TOPIC, fetch=Fetched()).message(call(signed(NOTIFICATION, stranger)))


@pytest.mark.parametrize("version", ["2", "3", "", None])
def test_a_signature_of_another_version_is_forged(version: str | None) -> None:
    with pytest.raises(Forged):
        Topic(TOPIC, fetch=Fetched()).message(call(SIGNED | {"SignatureVersion": version}))


@pytest.mark.parametrize("topic", [TOPIC + "s", TOPIC.upper(), "", None])
def test_a_foreign_topic_is_forged_and_nothing_is_fetched(topic: str | None) -> None:
    fetch = Fetched()
    with pytest.raises(Forged, match="topic"):
        Topic(TOPIC, fetch=fetch).message(call(signed(NOTIFICATION | {"TopicArn": topic})))
    assert fetch.urls == []


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/x.pem",
        "https://evil.example/x.pem",
        "https://sns.eu-west-1.evil.example/x.pem",
        "https://evilsns.eu-west-1.amazonaws.com/x.pem",
        "https://s3.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/x.pem",
        "https://user:password@sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/x.pem",
        "http://sns.eu-west-1.amazonaws.com/x.pem",
        "file:///etc/x.pem",
        "https://sns.eu-west-1.amazonaws.com/",
        "https://sns.eu-west-1.amazonaws.com/?Action=GetTopicAttributes&x=.pem",
        "https://sns.eu-west-1.amazonaws.com/x.pem?y",
        "https://sns.eu-west-1.amazonaws.com\\@evil.example/x.pem",
        "https://sns.eu-west-1.amazonaws.com\n.evil.example/x.pem",
        "https://sns.eu-west-1.amaz\nonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com/x.pem\n",
        " https://sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com/x.pem#.pem",
        "https://SNS.eu-west-1.amazonaws.com/x.pem",
        "https://sns.a.b.amazonaws.com/x.pem",
        "https://[sns.eu-west-1.amazonaws.com/x.pem",
        "https://127.0.0.1/x.pem",
        "//sns.eu-west-1.amazonaws.com/x.pem",
        "",
        None,
        7,
    ],
)
def test_a_certificate_from_elsewhere_is_forged_and_nothing_is_fetched(url: Any) -> None:
    fetch = Fetched()
    with pytest.raises(Forged, match="certificate"):
        Topic(TOPIC, fetch=fetch).message(call(signed(NOTIFICATION | {"SigningCertURL": url})))
    assert fetch.urls == []


def test_a_certificate_of_china_is_sns_too() -> None:
    fetch = Fetched()
    url = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0.pem"
    assert Topic(TOPIC, fetch=fetch).message(call(signed(NOTIFICATION | {"SigningCertURL": url})))
    assert fetch.urls == [url]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff", b"{}", b'{"Type": "Send"}'])
def test_what_is_no_message_is_forged(body: bytes) -> None:
    fetch = Fetched()
    with pytest.raises(Forged):
        Topic(TOPIC, fetch=fetch).message(call(body))
    assert fetch.urls == []


@pytest.mark.parametrize(("age", "genuine"), [(LATEST, True), (LATEST + 1, False), (-300, True), (-301, False)])
def test_a_message_is_taken_as_long_as_sns_may_try(age: float, genuine: bool) -> None:
    fetch = Fetched()
    topic = Topic(TOPIC, fetch=fetch)
    if genuine:
        assert topic.message(call(SIGNED, age)) == SIGNED
    else:
        with pytest.raises(Forged, match="s ago"):
            topic.message(call(SIGNED, age))
        assert fetch.urls == []


@pytest.mark.parametrize("timestamp", [None, "", "soon", {}])
def test_a_message_without_a_time_is_forged(timestamp: Any) -> None:
    with pytest.raises(Forged, match="no time"):
        Topic(TOPIC, fetch=Fetched()).message(call(SIGNED | {"Timestamp": timestamp}))


def test_certificates_there_are_not_are_asked_for_a_few_times_only() -> None:
    fetch = Fetched(b"nothing there")
    topic = Topic(TOPIC, fetch=fetch)
    for number in range(30):
        url = f"https://sns.eu-west-1.amazonaws.com/{number}.pem"
        with pytest.raises(Unavailable):
            topic.message(call(SIGNED | {"SigningCertURL": url}))
    assert len(fetch.urls) == 10


def test_a_certificate_is_fetched_once() -> None:
    fetch = Fetched()
    topic = Topic(TOPIC, fetch=fetch)
    for _ in range(3):
        topic.message(call(SIGNED))
    assert fetch.urls == [CERTIFICATE]


@pytest.mark.parametrize(
    ("since", "days"), [(PUBLISHED + timedelta(hours=1), 30), (PUBLISHED - timedelta(days=31), 30)]
)
def test_a_certificate_of_another_time_is_forged(since: Any, days: int) -> None:
    with pytest.raises(Forged, match="not valid"):
        Topic(TOPIC, fetch=Fetched(certificate(since=since, days=days))).message(call(SIGNED))


def test_a_certificate_of_another_kind_is_forged() -> None:
    with pytest.raises(Forged, match="RSA"):
        Topic(TOPIC, fetch=Fetched(certificate(ec.generate_private_key(ec.SECP256R1())))).message(call(SIGNED))


def test_what_is_no_certificate_is_asked_for_again() -> None:
    fetch = Fetched(b"<html>maintenance</html>")
    topic = Topic(TOPIC, fetch=fetch)
    with pytest.raises(Unavailable):
        topic.message(call(SIGNED))
    fetch.content = certificate()
    assert topic.message(call(SIGNED)) == SIGNED


def test_a_subscription_to_our_topic_is_confirmed() -> None:
    fetch = Fetched()
    topic = Topic(TOPIC, fetch=fetch)
    topic.confirm(topic.message(call(signed(CONFIRMATION))))
    assert fetch.urls == [CERTIFICATE, SUBSCRIBE]


@pytest.mark.parametrize(
    "url",
    [
        None,
        "https://evil.example/?Action=ConfirmSubscription&TopicArn=" + TOPIC,
        "https://[",
        SUBSCRIBE.replace("https", "http"),
        SUBSCRIBE.replace("ConfirmSubscription", "Unsubscribe"),
        SUBSCRIBE.replace(TOPIC, TOPIC + "s"),
        "https://sns.eu-west-1.amazonaws.com/",
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(url: str | None) -> None:
    fetch = Fetched()
    with pytest.raises(Forged, match="elsewhere"):
        Topic(TOPIC, fetch=fetch).confirm(CONFIRMATION | {"SubscribeURL": url})
    assert fetch.urls == []


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("http://127.0.0.1:8420/sns.pem", True),
        ("http://127.0.0.1:84200/sns.pem", False),
        ("http://127.0.0.1:8420/sns.pem?", False),
        ("http://127.0.0.1:8420@evil.example/sns.pem", False),
        ("http://127.0.0.1:8420.evil.example/sns.pem", False),
        (CERTIFICATE, False),
    ],
)
def test_with_an_endpoint_of_its_own_nothing_else_is_trusted(url: str, trusted: bool) -> None:
    fetch = Fetched()
    topic = Topic(TOPIC, "http://127.0.0.1:8420", fetch)
    message = signed(NOTIFICATION | {"SigningCertURL": url})
    if trusted:
        assert topic.message(call(message)) == message
    else:
        with pytest.raises(Forged, match="certificate"):
            topic.message(call(message))
    assert fetch.urls == ([url] if trusted else [])
