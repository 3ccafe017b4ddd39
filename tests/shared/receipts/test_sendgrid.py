"""SendGrid's events: who may report, and what each event means."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.errors import InvalidInput, SettingsError
from shared.receipts.port import Forged, Incoming, Kind, Receipt
from shared.receipts.sendgrid import BOUNCES, DROPS, EVENTS, SendGridReceipts, SendGridReceiptSettings
from shared.settings import load_one

NOW = 1_600_112_600.0
DELIVERY = UUID("0198c0de-0000-7000-8000-00000000002a")
SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
# The example of SendGrid's own library:
# https://github.com/sendgrid/sendgrid-python/blob/main/test/unit/test_eventwebhook.py
EXAMPLE_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6w"
    "EA3F+g=="
)
EXAMPLE_HEADERS = {
    SIGNATURE: "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=",
    TIMESTAMP: "1600112502",
}
EXAMPLE_BODY = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
)
EXAMPLE = SendGridReceipts(SendGridReceiptSettings(EXAMPLE_KEY))
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_KEY = b64encode(KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
SOURCE = SendGridReceipts(SendGridReceiptSettings(PUBLIC_KEY))


def call(body: bytes, headers: Mapping[str, str], now: float = NOW) -> Incoming:
    return Incoming("https://crier.example.com/v1/receipts/sendgrid", headers, body, now)


def signed(body: bytes) -> Incoming:
    timestamp = f"{NOW:.0f}"
    signature = b64encode(KEY.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    return call(body, {SIGNATURE: signature, TIMESTAMP: timestamp})


def read(**event: Any) -> Receipt | None:
    return SOURCE.read({"email": "ada@example.com", "timestamp": 1513299569, "crier_id": str(DELIVERY)} | event)


def test_the_documented_example_is_genuine() -> None:
    [event] = EXAMPLE.events(call(EXAMPLE_BODY, EXAMPLE_HEADERS))
    assert event.event_id == "ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA"
    assert EXAMPLE.read(event.body) == Receipt(
        Kind.UNDELIVERED,
        occurred_at=datetime(2020, 9, 14, 19, 41, 32, tzinfo=UTC),
        reference="LRzXl_NHStOGhQ4kofSm_A",
        target="hello@world.com",
        detail="Bounced Address",
        suppress="bounce",
    )


@pytest.mark.parametrize("position", [0, 1, 40, len(EXAMPLE_BODY) - 1])
def test_an_altered_byte_is_forged(position: int) -> None:
    altered = bytearray(EXAMPLE_BODY)
    altered[position] ^= 1
    with pytest.raises(Forged):
        EXAMPLE.events(call(bytes(altered), EXAMPLE_HEADERS))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {SIGNATURE: EXAMPLE_HEADERS[SIGNATURE]},
        {TIMESTAMP: EXAMPLE_HEADERS[TIMESTAMP]},
        EXAMPLE_HEADERS | {TIMESTAMP: "1600112503"},
        EXAMPLE_HEADERS | {TIMESTAMP: "soon"},
        EXAMPLE_HEADERS | {TIMESTAMP: "nan"},
        EXAMPLE_HEADERS | {SIGNATURE: ""},
        EXAMPLE_HEADERS | {SIGNATURE: "no base64"},
        EXAMPLE_HEADERS | {SIGNATURE: "ünïcode"},
        EXAMPLE_HEADERS | {SIGNATURE: b64encode(b"no signature").decode()},
    ],
)
def test_a_call_that_is_not_signed_right_is_forged(headers: Mapping[str, str]) -> None:
    with pytest.raises(Forged):
        EXAMPLE.events(call(EXAMPLE_BODY, headers))


def test_another_accounts_signature_is_forged() -> None:
    with pytest.raises(Forged):
        SOURCE.events(call(EXAMPLE_BODY, EXAMPLE_HEADERS))


@pytest.mark.parametrize(("age", "genuine"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_a_signature_holds_for_five_minutes(age: float, genuine: bool) -> None:
    late = call(EXAMPLE_BODY, EXAMPLE_HEADERS, 1_600_112_502 + age)
    if genuine:
        assert len(EXAMPLE.events(late)) == 1
    else:
        with pytest.raises(Forged):
            EXAMPLE.events(late)


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"[1]", b'"text"', b"\xff"])
def test_what_is_genuine_and_no_list_of_events_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="array of events"):
        SOURCE.events(signed(body))


def test_an_event_keeps_its_id_however_often_it_comes() -> None:
    with_id, without = {"event": "open", "sg_event_id": "a"}, {"event": "open", "email": "ada@example.com"}
    first = SOURCE.events(signed(orjson.dumps([with_id, without])))
    again = SOURCE.events(signed(orjson.dumps([dict(reversed(without.items())), with_id])))
    assert {event.event_id for event in first} == {event.event_id for event in again}
    assert len({event.event_id for event in first}) == 2


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_of_the_table_is_read(name: str) -> None:
    receipt = read(event=name, sg_message_id="abc.filter0001", response="250 OK")
    assert receipt is not None
    assert (receipt.kind, receipt.suppress) == EVENTS[name]
    assert (receipt.delivery_id, receipt.reference, receipt.target) == (DELIVERY, "abc", "ada@example.com")
    assert (receipt.detail, receipt.occurred_at) == ("250 OK", datetime(2017, 12, 15, 0, 59, 29, tzinfo=UTC))


@pytest.mark.parametrize("reason", DROPS)
def test_every_drop_of_the_table_is_read(reason: str) -> None:
    receipt = read(event="dropped", reason=reason.title())
    assert receipt is not None
    assert (receipt.kind, receipt.suppress) == DROPS[reason]


@pytest.mark.parametrize("type_", BOUNCES)
def test_every_bounce_of_the_table_is_read(type_: str) -> None:
    receipt = read(event="bounce", type=type_, status="5.0.0", reason="500 unknown recipient")
    assert receipt is not None
    assert (receipt.kind, receipt.suppress) == BOUNCES[type_]
    assert (receipt.code, receipt.detail) == ("5.0.0", "500 unknown recipient")


@pytest.mark.parametrize(
    ("event", "kind", "suppress"),
    [
        ({"event": "bounce", "type": "bounce", "bounce_classification": "Reputation"}, Kind.UNDELIVERED, "bounce"),
        ({"event": "bounce", "type": "blocked", "bounce_classification": "Reputation"}, Kind.UNDELIVERED, None),
        ({"event": "bounce", "type": "blocked", "bounce_classification": "Technical"}, Kind.BOUNCED_FOR_NOW, None),
        ({"event": "bounce"}, Kind.UNDELIVERED, None),
        ({"event": "bounce", "type": "brand new"}, Kind.UNDELIVERED, None),
        ({"event": "dropped"}, Kind.UNDELIVERED, None),
        ({"event": "dropped", "reason": "Brand New"}, Kind.UNDELIVERED, None),
    ],
)
def test_what_speaks_against_the_sender_suppresses_nobody(
    event: Mapping[str, Any], kind: Kind, suppress: str | None
) -> None:
    receipt = read(**event)
    assert receipt is not None
    assert (receipt.kind, receipt.suppress) == (kind, suppress)


@pytest.mark.parametrize(
    "body",
    [{}, {"event": None}, {"event": ["open"]}, {"event": "account_status_change"}, {"event": "brand_new"}],
)
def test_what_means_nothing_to_us_is_passed_over(body: Mapping[str, Any]) -> None:
    assert SOURCE.read(body) is None


@pytest.mark.parametrize("odd", [None, True, [], {}, -1, 1e300, "text", "0001-01-01", "9" * 400])
def test_odd_fields_are_read_without_raising(odd: Any) -> None:
    for event in (*EVENTS, "bounce", "dropped"):
        names = ("timestamp", "crier_id", "sg_message_id", "email", "status", "reason", "type", "response")
        receipt = SOURCE.read({"event": event, **dict.fromkeys(names, odd)})
        assert receipt is not None
        assert receipt.delivery_id is None


@pytest.mark.parametrize("value", ["", "key", "TUZrd0V3", b64encode(b"no key").decode()])
def test_a_wrong_key_is_found_when_the_process_starts(value: str) -> None:
    with pytest.raises(SettingsError, match="SENDGRID_WEBHOOK_PUBLIC_KEY"):
        load_one(SendGridReceiptSettings, {"SENDGRID_WEBHOOK_PUBLIC_KEY": value})
