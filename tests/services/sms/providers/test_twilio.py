"""What only Twilio has: senders, the validity period, codes reported with an acceptance."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import pytest

from crier.sandbox import Sandbox
from crier.sandbox.twilio import API_KEY_SECRET, API_KEY_SID
from services.sms.providers.twilio import Twilio, TwilioSettings
from shared.errors import Ambiguous, Rejected, SendError, Unavailable
from shared.messages.sms import SmsContent, SmsMessage
from shared.providers.port import Found, LookUp, Sent
from shared.settings import load_one
from shared.twilio.codes import OUTCOMES, explained

MESSAGE = SmsMessage(uuid4(), "+447700900123", SmsContent("Hello"))
SERVICE = "MG" + "a" * 32


def send(sandbox: Sandbox, message: SmsMessage = MESSAGE, **environ: str) -> Sent:
    async def main() -> Sent:
        provider = Twilio(load_one(TwilioSettings, sandbox.environment | environ))
        try:
            return await provider.send(message)
        finally:
            await provider.close()

    return asyncio.run(main())


def form(sandbox: Sandbox) -> dict[str, str]:
    [entry] = sandbox.calls("twilio")
    return {name: values[0] for name, values in parse_qs(entry.received["body"]).items()}


def test_the_configured_sender_sends(sandbox: Sandbox) -> None:
    sent = send(sandbox)
    assert form(sandbox) == {"To": "+447700900123", "From": "+15005550006", "Body": "Hello"}
    assert sent.detail == "queued, segments: 1"


def test_a_messaging_service_chooses_the_sender(sandbox: Sandbox) -> None:
    send(sandbox, TWILIO_FROM="", TWILIO_MESSAGING_SERVICE_SID=SERVICE)
    assert form(sandbox) == {"To": "+447700900123", "MessagingServiceSid": SERVICE, "Body": "Hello"}


def test_a_messages_own_sender_comes_first(sandbox: Sandbox) -> None:
    send(sandbox, replace(MESSAGE, sender="Crier"))
    assert form(sandbox)["From"] == "Crier"


def test_a_messages_own_sender_is_one_of_the_services_and_goes_with_it(sandbox: Sandbox) -> None:
    send(sandbox, replace(MESSAGE, sender="Crier"), TWILIO_FROM="", TWILIO_MESSAGING_SERVICE_SID=SERVICE)
    sent = form(sandbox)
    assert (sent["From"], sent["MessagingServiceSid"]) == ("Crier", SERVICE)


def test_a_name_is_refused_where_networks_carry_none(sandbox: Sandbox) -> None:
    with pytest.raises(Rejected) as caught:
        send(sandbox, replace(MESSAGE, to="+12025550123", sender="Crier"))
    assert caught.value.code == "21612"


@pytest.mark.parametrize(("seconds", "sent"), [(90.9, "90"), (0.2, "1"), (-5.0, "1"), (1e6, "36000")])
def test_the_validity_stays_within_what_twilio_takes(sandbox: Sandbox, seconds: float, sent: str) -> None:
    send(sandbox, replace(MESSAGE, validity=seconds))
    assert form(sandbox)["ValidityPeriod"] == sent


def test_a_status_callback_carries_the_delivery(sandbox: Sandbox) -> None:
    send(sandbox, TWILIO_STATUS_CALLBACK_URL="https://crier.example/receipts/twilio/{delivery_id}")
    [entry] = sandbox.calls("twilio")
    assert form(sandbox)["StatusCallback"] == f"https://crier.example/receipts/twilio/{MESSAGE.delivery_id}"
    assert entry.delivery == str(MESSAGE.delivery_id)


def test_without_an_address_of_their_own_status_callbacks_go_to_the_gateway(sandbox: Sandbox) -> None:
    send(sandbox, CRIER_PUBLIC_URL="https://crier.example/")
    url = f"https://crier.example/v1/receipts/twilio?delivery={MESSAGE.delivery_id}"
    assert form(sandbox)["StatusCallback"] == url


def test_an_api_key_signs_in(sandbox: Sandbox) -> None:
    key = {"TWILIO_AUTH_TOKEN": "", "TWILIO_API_KEY_SID": API_KEY_SID, "TWILIO_API_KEY_SECRET": API_KEY_SECRET}
    assert send(sandbox, **key).reference
    with pytest.raises(Unavailable, match="20003"):
        send(sandbox, **key | {"TWILIO_API_KEY_SECRET": "another"})


def test_the_environment_of_the_process_does_not_redirect_it(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_REGION", "au1")
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "another")
    assert send(sandbox).reference


@pytest.mark.parametrize(
    ("code", "kind", "dead", "fault", "wait"),
    [
        (30001, Unavailable, False, False, 900),
        (30002, Unavailable, False, True, None),
        (30003, Unavailable, False, False, 1800),
        (30004, Rejected, False, False, None),
        (30005, Rejected, True, False, None),
        (30006, Rejected, True, False, None),
        (30007, Rejected, False, False, None),
        (30008, Unavailable, False, False, 1800),
        (30022, Unavailable, False, False, 900),
        (30034, Rejected, False, False, None),
        (30036, Rejected, False, False, None),
        (30450, Rejected, False, False, None),
        # Not in the table: taken or not, nobody knows.
        (39999, Ambiguous, False, False, None),
    ],
)
def test_an_error_told_with_the_acceptance_counts(
    sandbox: Sandbox, code: int, kind: type[SendError], dead: bool, fault: bool, wait: float | None
) -> None:
    body = {"sid": "SM1", "status": "failed", "error_code": code, "error_message": "No"}
    sandbox.behave("twilio", status=201, body=json.dumps(body))
    with pytest.raises(SendError) as caught:
        send(sandbox)
    error: Any = caught.value
    assert type(error) is kind
    assert (error.reason, error.code) == ("No", str(code))
    assert getattr(error, "target_is_dead", False) is dead
    assert getattr(error, "provider_fault", False) is fault
    assert getattr(error, "retry_after", None) == wait


@pytest.mark.parametrize("code", [code for code in OUTCOMES if code < 30000 or code > 90000])
def test_every_code_of_the_table_is_read_from_a_refusal(sandbox: Sandbox, code: int) -> None:
    sandbox.behave("twilio", status=400, body=json.dumps({"code": code, "message": "No", "status": 400}))
    with pytest.raises(SendError) as caught:
        send(sandbox)
    expected = OUTCOMES[code](explained(code, "No"), code=str(code))
    assert type(caught.value) is type(expected)
    assert vars(caught.value) == vars(expected)


def look_up(sandbox: Sandbox, message: SmsMessage) -> LookUp:
    async def main() -> LookUp:
        provider = Twilio(load_one(TwilioSettings, sandbox.environment))
        try:
            return await provider.find(message, datetime.now(UTC), 60.0)
        finally:
            await provider.close()

    return asyncio.run(main())


def test_the_same_words_sent_twice_are_told_apart_by_nothing(sandbox: Sandbox) -> None:
    send(sandbox)
    assert look_up(sandbox, MESSAGE).found is Found.SENT
    send(sandbox, replace(MESSAGE, delivery_id=uuid4()))
    assert look_up(sandbox, MESSAGE).found is Found.UNCLEAR


def test_a_number_that_was_sent_more_than_is_listed_at_once_is_no_proof(sandbox: Sandbox) -> None:
    for number in range(31):
        send(sandbox, replace(MESSAGE, to="+447700900777", content=SmsContent(f"{number}")))
    assert look_up(sandbox, replace(MESSAGE, to="+447700900777", content=SmsContent("30"))).found is Found.SENT
    assert look_up(sandbox, replace(MESSAGE, to="+447700900777", content=SmsContent("31"))).found is Found.UNCLEAR


@pytest.mark.parametrize("code", [21212, 21601, 21660, 21661])
def test_a_sender_that_a_project_chose_and_may_not_use_stops_nobody_else(sandbox: Sandbox, code: int) -> None:
    sandbox.behave("twilio", error=str(code))
    with pytest.raises(Unavailable) as installation:
        send(sandbox)
    with pytest.raises(Rejected) as project:
        send(sandbox, replace(MESSAGE, sender="Shop"))
    assert installation.value.provider_fault
    assert project.value.alert
