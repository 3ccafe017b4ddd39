"""What the Twilio stand-in calls back, judged by Twilio's own package, as the vendor would be."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import pytest
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from crier.sandbox import Sandbox
from crier.sandbox.callbacks import NAME
from crier.sandbox.twilio import AUTH_TOKEN
from shared.receipts.port import Event, Kind, Receipt
from shared.receipts.twilio import TwilioReceipts, TwilioReceiptSettings
from tests.crier.sandbox.clients import DELIVERY, wait_for
from tests.crier.sandbox.receiver import Receiver

TO, SENDER = "+447700900123", "+15005550006"
SOURCE = TwilioReceipts(TwilioReceiptSettings(AUTH_TOKEN))


def forms(receiver: Receiver, count: int) -> list[Mapping[str, str]]:
    """The forms of the calls, when there are `count` of them: every one signed as Twilio signs."""
    wait_for(lambda: len(receiver.calls) >= count)
    found = [dict(parse_qsl(call.body.decode(), keep_blank_values=True)) for call in receiver.calls]
    judge = RequestValidator(AUTH_TOKEN)
    for call, form in zip(receiver.calls, found, strict=True):
        assert call.headers["content-type"].startswith("application/x-www-form-urlencoded")
        assert judge.validate(call.url, form, call.headers["x-twilio-signature"])
    return found


def events(receiver: Receiver) -> list[Event]:
    """What the gateway would store."""
    return [event for call in receiver.calls for event in SOURCE.events(call.incoming)]


def receipts(receiver: Receiver) -> list[Receipt | None]:
    """What the relay would read."""
    return [SOURCE.read(event.body) for event in events(receiver)]


def send(twilio: Client, receiver: Receiver, to: str = TO, **more: Any) -> str:
    url = f"{receiver.url}/v1/receipts/twilio?delivery={DELIVERY}"
    sender = {"messaging_service_sid": "MG" + "0" * 32} if "service" in more else {"from_": more.get("sender", SENDER)}
    return str(twilio.messages.create(to=to, body="Hello", status_callback=url, **sender).sid)


def test_a_message_is_sent_and_delivered(twilio: Client, receiver: Receiver) -> None:
    sid = send(twilio, receiver)
    sent, delivered = forms(receiver, 2)
    assert [form["MessageStatus"] for form in (sent, delivered)] == ["sent", "delivered"]
    assert {form["MessageSid"] for form in (sent, delivered)} == {sid}
    assert delivered["RawDlrDoneDate"]
    found = receipts(receiver)
    assert [receipt and (receipt.kind, str(receipt.delivery_id)) for receipt in found] == [
        (Kind.ACCEPTED, DELIVERY),
        (Kind.DELIVERED, DELIVERY),
    ]


def test_a_service_queues_it_first(twilio: Client, receiver: Receiver) -> None:
    send(twilio, receiver, service=True)
    assert [form["MessageStatus"] for form in forms(receiver, 3)] == ["queued", "sent", "delivered"]


@pytest.mark.parametrize("code", ["30003", "30005", "30006", "30007", "30008", "30001"])
def test_what_fails_later_is_reported_with_its_code(
    sandbox: Sandbox, twilio: Client, receiver: Receiver, code: str
) -> None:
    sandbox.behave("twilio", error=code)
    send(twilio, receiver)
    last = forms(receiver, 2)[-1]
    assert (last["MessageStatus"], last["ErrorCode"]) == ("undelivered", code)


def test_whatsapp_gives_its_own_words(twilio: Client, receiver: Receiver) -> None:
    send(twilio, receiver, "whatsapp:+15005550324", sender="whatsapp:+14155238886")
    last = forms(receiver, 2)[-1]
    assert (last["ErrorCode"], last["ChannelStatusMessage"]) == ("63024", "Invalid message recipient")
    assert last["ChannelPrefix"] == "whatsapp"


def test_without_an_address_nobody_is_called(sandbox: Sandbox, twilio: Client) -> None:
    twilio.messages.create(to=TO, from_=SENDER, body="Hello")
    assert sandbox.callbacks_shown()["pending"] == 0
    assert list(sandbox.calls(NAME)) == []


def test_a_refusal_is_not_reported(sandbox: Sandbox, twilio: Client, receiver: Receiver) -> None:
    sandbox.behave("twilio", error="21610")
    with pytest.raises(Exception, match="unsubscribed"):
        send(twilio, receiver)
    assert sandbox.callbacks_shown()["pending"] == 0


def test_early_reports_are_there_before_the_answer(sandbox: Sandbox, twilio: Client, receiver: Receiver) -> None:
    sandbox.callbacks(early=True, repeat=5, shuffle=True)
    send(twilio, receiver)
    assert len(receiver.calls) == 10
    assert len({event.event_id for event in events(receiver)}) == 2


def test_an_answer_that_is_lost_is_still_reported(sandbox: Sandbox, twilio: Client, receiver: Receiver) -> None:
    sandbox.behave("twilio", fault="close")
    with pytest.raises(Exception, match="Remote end closed"):
        send(twilio, receiver)
    assert [form["MessageStatus"] for form in forms(receiver, 2)] == ["sent", "delivered"]


def test_somebody_writes_stop(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.callbacks(to=receiver.url)
    sandbox.simulate("twilio", "inbound", number=TO, body="STOP")
    [form] = forms(receiver, 1)
    assert (form["From"], form["To"], form["Body"]) == (TO, SENDER, "STOP")
    [receipt] = receipts(receiver)
    assert receipt == Receipt(Kind.UNSUBSCRIBED, target=TO, channel="sms", detail="wrote STOP", suppress="opt-out")


def test_somebody_writes_stop_over_whatsapp_to_an_address_of_ones_own(sandbox: Sandbox, receiver: Receiver) -> None:
    details = {"number": f"whatsapp:{TO}", "body": "Arrêt", "opt_out_type": "STOP", "url": f"{receiver.url}/x?y=1"}
    sandbox.simulate("twilio", "inbound", **details)
    [form] = forms(receiver, 1)
    assert (form["To"], form["OptOutType"]) == ("whatsapp:+14155238886", "STOP")
    [receipt] = receipts(receiver)
    assert receipt is not None
    assert receipt.channel == "whatsapp"


def test_a_whatsapp_message_is_read(sandbox: Sandbox, twilio: Client, receiver: Receiver) -> None:
    send(twilio, receiver, f"whatsapp:{TO}", sender="whatsapp:+14155238886")
    forms(receiver, 2)
    sandbox.simulate("twilio", "status", message=DELIVERY, status="read")
    assert forms(receiver, 3)[-1]["EventType"] == "READ"
    assert [receipt and receipt.kind for receipt in receipts(receiver)][-1] is Kind.OPENED


@pytest.mark.parametrize(
    ("event", "details"),
    [("inbound", {}), ("inbound", {"number": TO}), ("status", {"message": "SM0", "status": "read"})],
)
def test_what_is_missing_is_named(sandbox: Sandbox, event: str, details: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"details: \w+ needs "):
        sandbox.simulate("twilio", event, **details)
