"""SES's events: how they come out of SNS's messages, and what each means."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from shared.errors import SettingsError, Unavailable
from shared.receipts.port import Event, Forged, Kind, Receipt
from shared.receipts.ses import BOUNCES, EVENTS, RECIPIENTS, SECTIONS, SesReceipts, SesReceiptSettings
from shared.settings import load_one
from tests.shared.receipts.sns_signing import CONFIRMATION, NOTIFICATION, SUBSCRIBE, TOPIC, Fetched, call, signed

DELIVERY = UUID("0198c0de-0000-7000-8000-00000000002a")
SOURCE = SesReceipts(SesReceiptSettings(TOPIC), fetch=Fetched())
# Records of https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-examples.html, with our tag.
MAIL: dict[str, Any] = {
    "timestamp": "2017-08-05T00:40:02.012Z",
    "source": "Sender Name <sender@example.com>",
    "sendingAccountId": "123456789012",
    "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
    "destination": ["recipient@example.com"],
    "headersTruncated": False,
    "headers": [{"name": "From", "value": "Sender Name <sender@example.com>"}],
    "tags": {"ses:configuration-set": ["ConfigSet"], "crier_id": [str(DELIVERY)]},
}
BOUNCE: dict[str, Any] = {
    "eventType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [
            {
                "emailAddress": "recipient@example.com",
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 user unknown",
            }
        ],
        "timestamp": "2017-08-05T00:41:02.669Z",
        "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
        "reportingMTA": "dsn; mta.example.com",
    },
    "mail": MAIL,
}
COMPLAINT: dict[str, Any] = {
    "eventType": "Complaint",
    "complaint": {
        "complainedRecipients": [{"emailAddress": "recipient@example.com"}],
        "timestamp": "2017-08-05T00:41:02.669Z",
        "complaintFeedbackType": "abuse",
        "complaintSubType": None,
    },
    "mail": MAIL,
}
DELAY: dict[str, Any] = {
    "eventType": "DeliveryDelay",
    "deliveryDelay": {
        "timestamp": "2020-06-16T00:25:40.095Z",
        "delayType": "TransientCommunicationFailure",
        "expirationTime": "2020-06-16T00:25:40.914Z",
        "delayedRecipients": [
            {
                "emailAddress": "recipient@example.com",
                "status": "4.4.1",
                "diagnosticCode": "smtp; 421 4.4.1 Unable to connect to remote host",
            }
        ],
    },
    "mail": MAIL,
}


def events(event: Any, **message: str) -> list[Event]:
    text = event if isinstance(event, str) else orjson.dumps(event).decode()
    return list(SOURCE.events(call(signed({**NOTIFICATION, "Message": text, **message}))))


def read(body: Mapping[str, Any]) -> Receipt:
    receipt = SOURCE.read(body)
    assert receipt is not None
    return receipt


def with_subtype(bounce_type: str, subtype: str) -> dict[str, Any]:
    return BOUNCE | {"bounce": BOUNCE["bounce"] | {"bounceType": bounce_type, "bounceSubType": subtype}}


def test_the_documented_bounce_is_read() -> None:
    [event] = events(BOUNCE)
    assert event.event_id == NOTIFICATION["MessageId"]
    assert SOURCE.read(event.body) == Receipt(
        Kind.UNDELIVERED,
        occurred_at=datetime(2017, 8, 5, 0, 41, 2, 669000, tzinfo=UTC),
        delivery_id=DELIVERY,
        reference="EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
        target="recipient@example.com",
        code="5.1.1",
        detail="smtp; 550 5.1.1 user unknown",
        suppress="bounce",
    )


def test_a_bounce_of_several_is_an_event_each() -> None:
    both = [{"emailAddress": "ada@example.com", "status": "5.1.1"}, {"emailAddress": "Bo <bo@example.com>"}]
    found = events(BOUNCE | {"bounce": BOUNCE["bounce"] | {"bouncedRecipients": both}})
    assert [event.event_id for event in found] == [f"{NOTIFICATION['MessageId']}.{index}" for index in (0, 1)]
    receipts = [read(event.body) for event in found]
    assert [(receipt.target, receipt.code) for receipt in receipts] == [
        ("ada@example.com", "5.1.1"),
        ("bo@example.com", "Permanent General"),
    ]


def test_a_message_that_comes_again_has_the_same_ids() -> None:
    assert events(BOUNCE) == events(BOUNCE)
    assert events(BOUNCE)[0].event_id != events(BOUNCE, MessageId="another")[0].event_id


def test_a_forged_message_is_no_event() -> None:
    with pytest.raises(Forged):
        SOURCE.events(call(signed(NOTIFICATION) | {"Message": orjson.dumps(BOUNCE).decode()}))


def test_a_subscription_is_confirmed_and_no_event() -> None:
    fetch = Fetched()
    source = SesReceipts(SesReceiptSettings(TOPIC), fetch=fetch)
    assert source.events(call(signed(CONFIRMATION))) == []
    assert fetch.urls[-1] == SUBSCRIBE


def test_the_end_of_a_subscription_is_left_at_that() -> None:
    fetch = Fetched()
    source = SesReceipts(SesReceiptSettings(TOPIC), fetch=fetch)
    assert source.events(call(signed(CONFIRMATION | {"Type": "UnsubscribeConfirmation"}))) == []
    assert SUBSCRIBE not in fetch.urls


def test_without_sns_a_message_is_to_come_again() -> None:
    # Port 1: nobody is there.
    source = SesReceipts(SesReceiptSettings(TOPIC, "http://127.0.0.1:1"))
    with pytest.raises(Unavailable):
        source.events(call(signed(NOTIFICATION | {"SigningCertURL": "http://127.0.0.1:1/sns.pem"})))


@pytest.mark.parametrize(
    "text",
    ["Successfully validated SNS topic for Amazon SES event publishing.", "", "[]", "7", "null", '"text"'],
)
def test_a_sentence_is_no_event(text: str) -> None:
    assert events(text) == []


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_of_the_table_is_read(name: str) -> None:
    at = "2016-10-19T23:21:04.133Z"
    receipt = read({"eventType": name, SECTIONS[name]: {"timestamp": at}, "mail": MAIL})
    assert (receipt.kind, receipt.suppress) == EVENTS[name]
    assert (receipt.delivery_id, receipt.target) == (DELIVERY, "recipient@example.com")
    assert receipt.occurred_at == datetime(2016, 10, 19, 23, 21, 4, 133000, tzinfo=UTC)


@pytest.mark.parametrize(("bounce_type", "subtype"), BOUNCES)
def test_every_bounce_of_the_table_is_read(bounce_type: str, subtype: str) -> None:
    receipt = read(with_subtype(bounce_type, subtype))
    assert (receipt.kind, receipt.suppress) == BOUNCES[bounce_type, subtype]


@pytest.mark.parametrize(
    ("bounce_type", "kind", "suppress"),
    [
        ("Permanent", Kind.UNDELIVERED, "bounce"),
        ("Transient", Kind.BOUNCED_FOR_NOW, None),
        ("Undetermined", Kind.BOUNCED_FOR_NOW, None),
        ("BrandNew", Kind.UNDELIVERED, None),
    ],
)
def test_a_bounce_of_a_new_subtype_is_read_by_its_type(bounce_type: str, kind: Kind, suppress: str | None) -> None:
    receipt = read(with_subtype(bounce_type, "BrandNew"))
    assert (receipt.kind, receipt.suppress) == (kind, suppress)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, Kind.COMPLAINED),
        ({"complaintFeedbackType": None}, Kind.COMPLAINED),
        ({"complaintFeedbackType": "fraud"}, Kind.COMPLAINED),
        ({"complaintFeedbackType": "not-spam"}, None),
        ({"complaintFeedbackType": "auth-failure"}, None),
        ({"complaintSubType": "OnAccountSuppressionList"}, Kind.UNDELIVERED),
    ],
)
def test_a_complaint_suppresses_unless_it_is_none(fields: Mapping[str, Any], kind: Kind | None) -> None:
    receipt = SOURCE.read(COMPLAINT | {"complaint": COMPLAINT["complaint"] | fields})
    if kind is None:
        assert receipt is None
    else:
        assert receipt is not None
        assert (receipt.kind, receipt.suppress, receipt.target) == (kind, "complaint", "recipient@example.com")


def test_the_documented_delay_is_read() -> None:
    receipt = read(DELAY)
    assert (receipt.kind, receipt.code) == (Kind.DELAYED, "4.4.1")
    assert receipt.detail == "smtp; 421 4.4.1 Unable to connect to remote host"


def test_a_rendering_failure_is_read_with_its_space() -> None:
    failure = {"templateName": "MyTemplate", "errorMessage": "Attribute 'attributeName' is not present."}
    receipt = read({"eventType": "Rendering Failure", "mail": MAIL, "failure": failure})
    assert (receipt.kind, receipt.detail) == (Kind.UNDELIVERED, failure["errorMessage"])


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        (False, True, Kind.UNSUBSCRIBED),
        (True, False, Kind.RESUBSCRIBED),
        (False, False, None),
        (None, None, None),
    ],
)
def test_a_subscription_to_everything_is_followed(before: Any, now: Any, kind: Kind | None) -> None:
    preferences = {"newTopicPreferences": {"unsubscribeAll": now}, "oldTopicPreferences": {"unsubscribeAll": before}}
    receipt = SOURCE.read({"eventType": "Subscription", "mail": MAIL, "subscription": preferences})
    assert (receipt and receipt.kind) == kind


def test_what_is_about_everybody_names_nobody() -> None:
    mail = MAIL | {"destination": ["ada@example.com", "bo@example.com"]}
    assert read({"eventType": "Open", "open": {}, "mail": mail}).target is None


def test_feedback_of_an_identity_is_read_by_its_header() -> None:
    headers = [{"name": "X-Crier-Id", "value": str(DELIVERY)}]
    mail = {name: value for name, value in MAIL.items() if name != "tags"} | {"headers": headers}
    feedback = {"notificationType": "Bounce", "bounce": BOUNCE["bounce"], "mail": mail}
    assert read(feedback).delivery_id == DELIVERY
    assert read(feedback | {"mail": mail | {"headers": []}}).reference == MAIL["messageId"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"eventType": None},
        {"eventType": ["Open"]},
        {"eventType": "BrandNew"},
        {"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have subscribed your topic."},
    ],
)
def test_what_means_nothing_to_us_is_passed_over(body: Mapping[str, Any]) -> None:
    assert SOURCE.read(body) is None


@pytest.mark.parametrize("odd", [None, True, [], {}, -1, 1e300, "text", [None], [[]], [{}]])
def test_odd_fields_are_read_without_raising(odd: Any) -> None:
    for kind, name in SECTIONS.items():
        for mail in (odd, dict.fromkeys(MAIL, odd)):
            inner = {RECIPIENTS.get(kind, "x"): odd, "timestamp": odd, "bounceType": odd, "newTopicPreferences": odd}
            for about in (odd, inner):
                SOURCE.read({"eventType": kind, name: about, "mail": mail})
                events({"eventType": kind, name: about, "mail": mail})


@pytest.mark.parametrize("value", ["", "crier", "arn:aws:sns:eu-west-1:123456789012:crier.fifo", "arn:aws:sqs:a:1:b"])
def test_a_wrong_topic_is_found_when_the_process_starts(value: str) -> None:
    with pytest.raises(SettingsError, match="SES_SNS_TOPIC_ARN"):
        load_one(SesReceiptSettings, {"SES_SNS_TOPIC_ARN": value})
