"""What Twilio's WhatsApp has of its own: addresses, approved templates and their variables, remedies."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import pytest

from crier.sandbox import Sandbox
from crier.sandbox.twilio.content import CONTENTS
from services.whatsapp.providers.twilio import Twilio, TwilioSettings
from shared.errors import Rejected, SendError
from shared.messages.whatsapp import WhatsAppContent, WhatsAppMessage
from shared.providers.port import Found, LookUp, Sent
from shared.settings import load_one
from shared.templates.brand import Brand
from shared.templates.catalogue import load_catalogue
from shared.templates.compiled import compile_bundle
from shared.twilio.codes import OUTCOMES, explained

BOOKING, SHIPPED, _ = CONTENTS
MESSAGE = WhatsAppMessage(uuid4(), "+447700900123", WhatsAppContent("Hello"))
VARIABLES = {"1": "Lumen", "2": "Dinner", "3": "14 March", "4": "LM-4821"}


def send(sandbox: Sandbox, content: WhatsAppContent = MESSAGE.content, **environ: str) -> Sent:
    async def main() -> Sent:
        provider = Twilio(load_one(TwilioSettings, sandbox.environment | environ))
        try:
            return await provider.send(replace(MESSAGE, content=content))
        finally:
            await provider.close()

    return asyncio.run(main())


def refused(sandbox: Sandbox, content: WhatsAppContent) -> Rejected:
    with pytest.raises(Rejected) as caught:
        send(sandbox, content)
    return caught.value


def form(sandbox: Sandbox) -> dict[str, str]:
    [entry] = sandbox.calls("twilio")
    return {name: values[0] for name, values in parse_qs(entry.received["body"]).items()}


def test_numbers_are_whatsapp_addresses(sandbox: Sandbox) -> None:
    assert send(sandbox).detail == "queued, free text"
    assert form(sandbox) == {"To": "whatsapp:+447700900123", "From": "whatsapp:+14155238886", "Body": "Hello"}


def test_a_messaging_service_chooses_the_sender(sandbox: Sandbox) -> None:
    service = "MG" + "a" * 32
    send(sandbox, TWILIO_WHATSAPP_FROM="", TWILIO_WHATSAPP_MESSAGING_SERVICE_SID=service)
    assert form(sandbox) == {"To": "whatsapp:+447700900123", "MessagingServiceSid": service, "Body": "Hello"}


def test_a_picture_goes_with_the_text(sandbox: Sandbox) -> None:
    send(sandbox, WhatsAppContent("Your ticket", media_url="https://example.com/ticket.png"))
    assert form(sandbox).items() >= {"Body": "Your ticket", "MediaUrl": "https://example.com/ticket.png"}.items()


def test_an_approved_template_goes_with_its_variables_and_no_body(sandbox: Sandbox) -> None:
    send(sandbox, WhatsAppContent(content_sid=SHIPPED.sid, variables={"name": "Zoë", "order": "4711"}))
    sent = form(sandbox)
    assert json.loads(sent.pop("ContentVariables")) == {"name": "Zoë", "order": "4711"}
    assert sent == {"To": "whatsapp:+447700900123", "From": "whatsapp:+14155238886", "ContentSid": SHIPPED.sid}


def test_a_template_of_ours_is_sent_as_the_approved_one_it_is_configured_for(sandbox: Sandbox) -> None:
    sent_as = send(sandbox, WhatsAppContent("Your booking…", variables=VARIABLES, template="booking_confirmation"))
    assert sent_as.detail == f"queued, {BOOKING.sid}"
    sent = form(sandbox)
    assert (sent["ContentSid"], json.loads(sent["ContentVariables"])) == (BOOKING.sid, VARIABLES)
    assert "Body" not in sent


def test_a_template_of_ours_without_one_is_sent_as_text(sandbox: Sandbox) -> None:
    send(sandbox, WhatsAppContent("The trip is late.", variables={"1": "late"}, template="trip_delay"))
    assert form(sandbox)["Body"] == "The trip is late."
    assert not {"ContentSid", "ContentVariables"} & form(sandbox).keys()


def test_a_template_that_the_message_names_comes_first(sandbox: Sandbox) -> None:
    own = WhatsAppContent("…", content_sid=SHIPPED.sid, variables={"order": "1"}, template="booking_confirmation")
    send(sandbox, own)
    assert form(sandbox)["ContentSid"] == SHIPPED.sid


def test_the_approved_text_is_the_templates_own(sandbox: Sandbox) -> None:
    """A person reads on WhatsApp what the ledger says they read."""
    template = compile_bundle(load_catalogue()["booking_confirmation"])
    content: Any = template.render("whatsapp", template.sample, {}, Brand())
    send(sandbox, content)
    [entry] = sandbox.calls("twilio")
    assert sandbox.preview(entry).text == content.body


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"1": ""}, "The variable 1 of the approved template is empty"),
        ({"1": " "}, "is empty"),
        ({"1": "a\nb"}, "line break"),
        ({"1": "a\tb"}, "a tab"),
        ({"1": "a     b"}, "more than four spaces"),
        ({"1": "a" * 1601}, "has 1601 characters; Twilio takes 1600"),
        ({"first name": "Ada"}, "The variable first name .* is no name of a placeholder"),
        ({"a" * 17: "Ada"}, "16 at most"),
    ],
)
def test_what_an_approved_template_cannot_take_is_refused_before_the_call(
    sandbox: Sandbox, variables: dict[str, str], why: str
) -> None:
    error = refused(sandbox, WhatsAppContent(content_sid=SHIPPED.sid, variables=variables))
    assert error.code == "variables"
    with pytest.raises(Rejected, match=why):
        raise error
    assert list(sandbox.calls("twilio")) == []


def test_what_may_be_in_a_variable_is_taken(sandbox: Sandbox) -> None:
    send(sandbox, WhatsAppContent(content_sid=SHIPPED.sid, variables={"order": 'a    b "c" \\ 🎉 people\'s'}))
    assert json.loads(form(sandbox)["ContentVariables"]) == {"order": 'a    b "c" \\ 🎉 people\'s'}


def test_a_template_that_the_account_does_not_have_is_refused_with_the_remedy(sandbox: Sandbox) -> None:
    error = refused(sandbox, WhatsAppContent(content_sid="HX" + "0" * 32))
    assert (error.code, error.target_is_dead) == ("21655", False)
    assert "TWILIO_WHATSAPP_CONTENT" in error.reason


def test_free_text_outside_of_the_24_hours_is_refused_with_the_remedy(sandbox: Sandbox) -> None:
    answer = {"sid": "SM1", "status": "failed", "error_code": 63016, "error_message": "Outside messaging window."}
    sandbox.behave("twilio", status=201, body=json.dumps(answer))
    error = refused(sandbox, MESSAGE.content)
    assert error.reason.startswith("Outside messaging window. WhatsApp takes free text only within 24 hours")
    assert "content_sid" in error.reason


def test_a_status_callback_carries_the_delivery(sandbox: Sandbox) -> None:
    send(sandbox, TWILIO_STATUS_CALLBACK_URL="https://crier.example/receipts/{delivery_id}")
    [entry] = sandbox.calls("twilio")
    assert entry.delivery == str(MESSAGE.delivery_id)


@pytest.mark.parametrize("code", [code for code in OUTCOMES if code > 63000])
@pytest.mark.parametrize("status", [201, 400])
def test_every_code_of_whatsapp_is_read_wherever_it_is_told(sandbox: Sandbox, code: int, status: int) -> None:
    refusal: dict[str, object] = {"code": code, "message": "No"}
    told = refusal if status == 400 else {"error_code": code, "error_message": "No", "sid": "SM1"}
    sandbox.behave("twilio", status=status, body=json.dumps(told))
    with pytest.raises(SendError) as caught:
        send(sandbox)
    expected = OUTCOMES[code](explained(code, "No"), code=str(code))
    assert type(caught.value) is type(expected)
    assert vars(caught.value) == vars(expected)


def test_what_an_approved_template_came_to_is_not_guessed_when_it_is_looked_up(sandbox: Sandbox) -> None:
    content = WhatsAppContent("Your booking…", variables=VARIABLES, template="booking_confirmation")

    async def look_up() -> LookUp:
        provider = Twilio(load_one(TwilioSettings, sandbox.environment))
        try:
            return await provider.find(replace(MESSAGE, content=content), datetime.now(UTC), 60.0)
        finally:
            await provider.close()

    assert asyncio.run(look_up()).found is Found.ABSENT
    send(sandbox, content)
    assert asyncio.run(look_up()).found is Found.UNCLEAR
