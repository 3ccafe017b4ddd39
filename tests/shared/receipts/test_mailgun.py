"""Mailgun's events: who may report, and what each event means."""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from shared.errors import InvalidInput
from shared.receipts.mailgun import EVENTS, FAILURES, MailgunReceipts, MailgunReceiptSettings
from shared.receipts.port import Forged, Incoming, Kind, Receipt

NOW = 1_529_006_860.0
DELIVERY = UUID("0198c0de-0000-7000-8000-00000000002a")
KEY = "a signing key"
# As https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks and …/webhook-payloads show
# them. The key that signed them there is not published, so they are signed with ours.
TIME, TOKEN = "1529006854", "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0"
FAILED = {
    "event": "failed",
    "severity": "permanent",
    "reason": "suppress-bounce",
    "id": "G9Bn5sl1TC6nu79C8C0bwg",
    "timestamp": 1521233195.375624,
    "log-level": "error",
    "delivery-status": {
        "attempt-no": 1,
        "message": "",
        "code": 605,
        "description": "Not delivering to previously bounced address",
        "session-seconds": 0,
    },
    "recipient": "alice@example.com",
    "message": {
        "headers": {"message-id": "20130503192659.13651.20287@mg.example.com", "to": "Alice <alice@example.com>"}
    },
    "user-variables": {"my_var_1": "Mailgun Variable #1", "crier_id": str(DELIVERY)},
}


@pytest.fixture
def source() -> MailgunReceipts:
    return MailgunReceipts(MailgunReceiptSettings(KEY))


def signature(time: str = TIME, token: str = TOKEN, key: str = KEY) -> dict[str, str]:
    return {
        "timestamp": time,
        "token": token,
        "signature": hmac.digest(key.encode(), f"{time}{token}".encode(), "sha256").hex(),
    }


def call(signed: Any, event: Any = FAILED, now: float = NOW) -> Incoming:
    body = orjson.dumps({"signature": signed, "event-data": event})
    return Incoming("https://crier.example.com/v1/receipts/mailgun", {}, body, now)


def test_the_documented_example_is_read(source: MailgunReceipts) -> None:
    [event] = source.events(call(signature()))
    assert source.read(event.body) == Receipt(
        Kind.UNDELIVERED,
        occurred_at=datetime(2018, 3, 16, 20, 46, 35, 375624, tzinfo=UTC),
        delivery_id=DELIVERY,
        reference="20130503192659.13651.20287@mg.example.com",
        target="alice@example.com",
        code="605",
        detail="Not delivering to previously bounced address",
        suppress="bounce",
    )


@pytest.mark.parametrize(
    "forged",
    [
        None,
        "text",
        {},
        signature(key="another key"),
        signature() | {"timestamp": "1529006855"},
        signature() | {"token": TOKEN[:-1] + "1"},
        signature() | {"signature": signature()["signature"][:-1] + "g"},
        signature() | {"signature": None},
        signature() | {"signature": "ünïcode"},
        {name: value for name, value in signature().items() if name != "timestamp"},
        {name: value for name, value in signature().items() if name != "token"},
        {name: value for name, value in signature().items() if name != "signature"},
        signature(time="soon"),
    ],
)
def test_a_call_that_is_not_signed_right_is_forged(source: MailgunReceipts, forged: Any) -> None:
    with pytest.raises(Forged):
        source.events(call(forged))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff"])
def test_what_is_no_object_is_forged(source: MailgunReceipts, body: bytes) -> None:
    with pytest.raises(Forged):
        source.events(Incoming("https://crier.example.com/v1/receipts/mailgun", {}, body, NOW))


@pytest.mark.parametrize(("age", "genuine"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_a_signature_holds_for_five_minutes(source: MailgunReceipts, age: float, genuine: bool) -> None:
    late = call(signature(), now=float(TIME) + age)
    if genuine:
        assert len(source.events(late)) == 1
    else:
        with pytest.raises(Forged):
            source.events(late)


def test_a_signature_does_not_carry_another_event(source: MailgunReceipts) -> None:
    source.events(call(signature()))
    with pytest.raises(Forged, match="another body"):
        source.events(call(signature(), FAILED | {"event": "delivered", "id": "another"}))


def test_an_event_keeps_its_id_however_often_it_comes(source: MailgunReceipts) -> None:
    [first] = source.events(call(signature()))
    [repeated] = source.events(call(signature()))
    [signed_anew] = source.events(call(signature(token="b" * 50)))
    [later] = source.events(call(signature(token="c" * 50), FAILED | {"timestamp": 1521333195.375624}))
    assert first.event_id == repeated.event_id == signed_anew.event_id != later.event_id


def test_an_event_without_an_id_gets_one_of_what_it_says(source: MailgunReceipts) -> None:
    nameless = {name: value for name, value in FAILED.items() if name != "id"}
    [first] = source.events(call(signature(token="d" * 50), nameless))
    [again] = source.events(call(signature(token="e" * 50), dict(reversed(nameless.items()))))
    [other] = source.events(call(signature(token="f" * 50), nameless | {"event": "opened"}))
    assert first.event_id == again.event_id != other.event_id


def test_an_event_of_a_subaccount_is_genuine_by_its_parents_signature(source: MailgunReceipts) -> None:
    signed = signature(key="the subaccount's") | {"parent-signature": signature()["signature"]}
    assert len(source.events(call(signed))) == 1


@pytest.mark.parametrize("event", [None, [], "text", {}])
def test_what_is_genuine_and_has_no_event_is_refused(source: MailgunReceipts, event: Any) -> None:
    with pytest.raises(InvalidInput, match="event-data"):
        source.events(call(signature(), event))


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_of_the_table_is_read(source: MailgunReceipts, name: str) -> None:
    receipt = source.read(FAILED | {"event": name})
    assert receipt is not None
    assert (receipt.kind, receipt.suppress) == EVENTS[name]
    assert (receipt.delivery_id, receipt.target) == (DELIVERY, "alice@example.com")


@pytest.mark.parametrize("reason", FAILURES)
def test_every_failure_of_the_table_is_read(source: MailgunReceipts, reason: str) -> None:
    final = source.read(FAILED | {"reason": reason})
    assert final is not None
    assert (final.kind, final.suppress) == FAILURES[reason]
    for_now = source.read(FAILED | {"reason": reason, "severity": "temporary"})
    assert for_now is not None
    assert (for_now.kind, for_now.suppress) == (Kind.DELAYED, None)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"reason": "brand-new"}, Kind.UNDELIVERED),
        ({"reason": None}, Kind.UNDELIVERED),
        ({"reason": "bounce", "delivery-status": {"bounce-type": "soft", "code": 552}}, Kind.BOUNCED_FOR_NOW),
    ],
)
def test_a_failure_of_another_kind_suppresses_nobody(
    source: MailgunReceipts, fields: Mapping[str, Any], kind: Kind
) -> None:
    receipt = source.read(FAILED | fields)
    assert receipt is not None
    assert (receipt.kind, receipt.suppress) == (kind, None)


def test_a_rejection_says_why(source: MailgunReceipts) -> None:
    rejected = {
        "event": "rejected",
        "reject": {"reason": "Sandbox subdomains are for test purposes only.", "description": ""},
    }
    receipt = source.read(rejected)
    assert receipt is not None
    assert receipt.detail == "Sandbox subdomains are for test purposes only."


@pytest.mark.parametrize("body", [{}, {"event": None}, {"event": ["opened"]}, {"event": "stored"}])
def test_what_means_nothing_to_us_is_passed_over(source: MailgunReceipts, body: Mapping[str, Any]) -> None:
    assert source.read(body) is None


@pytest.mark.parametrize("odd", [None, True, [], {}, -1, 1e300, "text", "0001-01-01"])
def test_odd_fields_are_read_without_raising(source: MailgunReceipts, odd: Any) -> None:
    for event in (*EVENTS, "failed"):
        names = (
            "timestamp",
            "user-variables",
            "message",
            "recipient",
            "delivery-status",
            "severity",
            "reason",
            "reject",
        )
        receipt = source.read({"event": event, **dict.fromkeys(names, odd)})
        assert receipt is not None
        assert receipt.delivery_id is None
    inner = {
        "delivery-status": {"code": odd, "message": odd},
        "message": {"headers": odd},
        "user-variables": {"crier_id": odd},
    }
    assert source.read({"event": "failed", **inner}) is not None
