"""OneSignal's Event Streams: who may report, and what each event means."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from shared.errors import InvalidInput, SettingsError
from shared.receipts.onesignal import KINDS, OneSignalReceipts, OneSignalReceiptSettings
from shared.receipts.port import Event, Forged, Incoming, Kind, Receipt
from shared.settings import load_one

SECRET = "4f1d6a0e9b7c3325d81f6e40"
DELIVERY = UUID("0198c0de-0000-7000-8000-00000000002a")
SUBSCRIPTION = "b2c3d4e5-f6a7-8901-bcde-f12345678901"
MESSAGE = "f3c9cd09-10d7-4f59-b9bc-66e16607f1d5"
SOURCE = OneSignalReceipts(OneSignalReceiptSettings(SECRET))
# The event of https://documentation.onesignal.com/docs/event-streams-data#example-event-object, as our body has it.
CLICKED = {
    "event.id": "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
    "event.kind": "message.push.clicked",
    "event.timestamp": "1708559115",
    "event.subscription_id": SUBSCRIPTION,
    "event.data.failure_reason": "",
    "message.id": MESSAGE,
    "message.name": str(DELIVERY),
}


def call(body: Any = CLICKED, authorization: str | None = f"Bearer {SECRET}") -> Incoming:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {} if authorization is None else {"Authorization": authorization}
    return Incoming("https://crier.example.com/v1/receipts/onesignal", headers, raw, 0.0)


def only(**changed: Any) -> Event:
    [event] = SOURCE.events(call(CLICKED | changed))
    return event


def read(kind: str, **changed: Any) -> Receipt | None:
    return SOURCE.read(only(**{"event.kind": kind} | changed).body)


def test_an_event_says_which_delivery_message_and_subscription() -> None:
    assert SOURCE.read(only().body) == Receipt(
        Kind.CLICKED,
        occurred_at=datetime(2024, 2, 21, 23, 45, 15, tzinfo=UTC),
        delivery_id=DELIVERY,
        reference=MESSAGE,
        target=SUBSCRIPTION,
    )


@pytest.mark.parametrize(
    "authorization",
    [None, "", SECRET, f"Basic {SECRET}", f"Bearer {SECRET}x", f"Bearer {SECRET[:-1]}", "Bearer ", "Bearer é"],
)
def test_without_the_secret_it_is_forged(authorization: str | None) -> None:
    with pytest.raises(Forged) as caught:
        SOURCE.events(call(authorization=authorization))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"event"', b"\xff", b"null"])
def test_what_is_no_object_is_refused_and_the_page_is_named(body: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"docs/channels/onesignal\.md"):
        SOURCE.events(call(body))


@pytest.mark.parametrize("name", ["event.id", "event.kind", "message.id"])
def test_a_field_the_body_lacks_is_named(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        SOURCE.events(call({key: value for key, value in CLICKED.items() if key != name}))
    assert list(caught.value.fields) == [name]


def test_what_an_old_message_lacks_is_no_mistake() -> None:
    """After 30 days OneSignal has forgotten the message: its fields are empty."""
    receipt = read("message.push.clicked", **{"message.id": "", "message.name": ""})
    assert receipt is not None
    assert (receipt.delivery_id, receipt.reference, receipt.target) == (None, None, SUBSCRIPTION)


def test_the_same_event_has_the_same_id_and_another_one_another() -> None:
    assert only().event_id == only().event_id == CLICKED["event.id"]
    assert only(**{"event.id": "another"}).event_id != only().event_id


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read(kind: str) -> None:
    receipt = read(kind)
    assert receipt is not None
    assert (receipt.kind, receipt.suppress) == KINDS[kind]


def test_an_unsubscribed_device_is_gone_and_not_opted_out() -> None:
    """It may be registered again, and OneSignal would not say that the wish was taken back."""
    receipt = read("message.push.unsubscribed")
    assert receipt is not None
    assert (receipt.suppress, receipt.target) == ("invalid", SUBSCRIPTION)


def test_a_failure_says_why() -> None:
    receipt = read("message.push.failed", **{"event.data.failure_reason": "Invalid APNs certificate"})
    assert receipt is not None
    assert (receipt.kind, receipt.detail) == (Kind.UNDELIVERED, "Invalid APNs certificate")


@pytest.mark.parametrize("timestamp", [1708559115, "1708559115", "2024-02-21T23:45:15Z"])
def test_the_time_may_be_written_in_either_way(timestamp: Any) -> None:
    receipt = read("message.push.sent", **{"event.timestamp": timestamp})
    assert receipt is not None
    assert receipt.occurred_at == datetime(2024, 2, 21, 23, 45, 15, tzinfo=UTC)


def test_one_subscription_of_a_segment_does_not_speak_for_all() -> None:
    name = {"message.name": f"segment/{DELIVERY}"}
    taken = read("message.push.sent", **name)
    assert taken is not None
    assert (taken.kind, taken.delivery_id) == (Kind.ACCEPTED, DELIVERY)
    assert [read(kind, **name) for kind in KINDS if kind != "message.push.sent"] == [None] * 4


@pytest.mark.parametrize(
    "body",
    [
        {}, {"event.kind": None}, {"event.kind": ["message.push.sent"]}, {"event.kind": "message.email.opened"},
        {"event.kind": "message.iam.clicked"}, {"event.kind": "message.push.teleported"},
    ],
)  # fmt: skip
def test_what_is_about_no_push_means_nothing(body: dict[str, Any]) -> None:
    assert SOURCE.read(body) is None


def test_what_was_never_seen_before_does_no_harm() -> None:
    body = {"event.kind": "message.push.sent", "event.timestamp": {}, "message.id": [], "message.name": 7}
    assert SOURCE.read(body) == Receipt(Kind.ACCEPTED)


def test_a_secret_that_is_easily_guessed_is_refused() -> None:
    with pytest.raises(SettingsError, match="at least 20 characters"):
        load_one(OneSignalReceiptSettings, {"ONESIGNAL_RECEIPTS_SECRET": "secret"})
