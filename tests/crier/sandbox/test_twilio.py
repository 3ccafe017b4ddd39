"""The Twilio stand-in, driven by Twilio's own package."""

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from crier.sandbox import Sandbox
from crier.sandbox.twilio.content import CONTENTS
from crier.sandbox.twilio.errors import LATER, REFUSALS
from crier.sandbox.twilio.message import segments
from tests.crier.sandbox.clients import DELIVERY, only_call, twilio_client

TO, SENDER = "+447700900123", "+15005550006"
WHATSAPP_SENDER = "whatsapp:+14155238886"
BOOKING, SHIPPED, HOURS = CONTENTS


def test_a_message_is_answered_with_the_documented_resource(messages_url: str, twilio_auth: tuple[str, str]) -> None:
    form = {"To": TO, "From": SENDER, "Body": "Hello"}
    response = requests.post(messages_url, auth=twilio_auth, data=form, timeout=10)
    assert response.status_code == 201
    message = response.json()
    assert re.fullmatch(r"SM[0-9a-f]{32}", message["sid"])
    assert parsedate_to_datetime(message["date_created"]) <= datetime.now(UTC)
    uri = f"/2010-04-01/Accounts/{twilio_auth[0]}/Messages/{message['sid']}"
    assert message == {
        "account_sid": twilio_auth[0],
        "api_version": "2010-04-01",
        "body": "Hello",
        "date_created": message["date_created"],
        "date_sent": None,
        "date_updated": message["date_created"],
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": SENDER,
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "USD",
        "sid": message["sid"],
        "status": "queued",
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": TO,
        "uri": f"{uri}.json",
    }


def test_the_journal_has_the_call_and_the_delivery(sandbox: Sandbox, twilio: Client) -> None:
    callback = f"http://127.0.0.1:9/receipts/twilio?delivery={DELIVERY}"
    message = twilio.messages.create(to=TO, from_=SENDER, body="Hello", status_callback=callback)
    entry = only_call(sandbox, "twilio")
    assert (entry.action, entry.accepted, entry.recipient) == ("send", True, TO)
    assert (entry.delivery, entry.reference) == (DELIVERY, message.sid)
    assert entry.received["method"] == "POST"
    assert "Body=Hello" in entry.received["body"]
    assert entry.answered["status"] == 201


def test_credentials_are_not_in_the_journal(sandbox: Sandbox, twilio: Client, twilio_auth: tuple[str, str]) -> None:
    twilio.messages.create(to=TO, from_=SENDER, body="Hello")
    assert twilio_auth[1] not in sandbox.journal.path.read_text()
    assert only_call(sandbox, "twilio").received["headers"]["authorization"] == "…"


def test_a_messaging_service_chooses_the_sender_later(twilio: Client) -> None:
    service = "MG" + "0" * 32
    message = twilio.messages.create(to=TO, messaging_service_sid=service, body="Hello")
    assert (message.status, message.from_, message.num_segments) == ("accepted", None, "0")
    assert message.messaging_service_sid == service


@pytest.mark.parametrize("sender", ["+447700900999", "12345", "CRIER", "My Shop 24"])
def test_any_well_formed_sender_is_taken(twilio: Client, sender: str) -> None:
    assert twilio.messages.create(to=TO, from_=sender, body="Hello").from_ == sender


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"From": SENDER, "Body": "x"}, 21604),
        ({"To": TO, "Body": "x"}, 21603),
        ({"To": "07700900123", "From": SENDER, "Body": "x"}, 21211),
        ({"To": "+44 7700 900123", "From": SENDER, "Body": "x"}, 21211),
        ({"To": TO, "From": "twelve characters", "Body": "x"}, 21212),
        ({"To": TO, "From": "++", "Body": "x"}, 21212),
        ({"To": TO, "MessagingServiceSid": "MGx", "Body": "x"}, 21701),
        ({"To": TO, "From": TO, "Body": "x"}, 21266),
        ({"To": f"whatsapp:{TO}", "From": SENDER, "Body": "x"}, 21910),
        ({"To": TO, "From": SENDER}, 21602),
        ({"To": TO, "From": SENDER, "Body": ""}, 21602),
        ({"To": TO, "From": SENDER, "Body": "x" * 1601}, 21617),
        ({"To": TO, "From": SENDER, "Body": "x", "StatusCallback": "/relative"}, 21609),
        ({"To": TO, "From": SENDER, "Body": "x", "StatusCallback": "http://my_host/"}, 21609),
        ({"To": TO, "From": SENDER, "Body": "x", "ValidityPeriod": "0"}, 21624),
        ({"To": TO, "From": SENDER, "Body": "x", "ValidityPeriod": "36001"}, 21624),
        ({"To": TO, "From": "+15005550001", "Body": "x"}, 21212),
        ({"To": TO, "From": "+15005550007", "Body": "x"}, 21606),
        ({"To": TO, "From": "+15005550008", "Body": "x"}, 21611),
        ({"To": TO, "From": SENDER, "Body": "x", "MediaUrl": "picture.png"}, 21620),
        ({"To": TO, "From": SENDER, "ContentVariables": '{"1": "a"}'}, 21654),
        ({"To": TO, "From": SENDER, "ContentSid": "HX" + "0" * 32}, 21655),
        ({"To": TO, "From": SENDER, "ContentSid": BOOKING.sid, "ContentVariables": "{1: a}"}, 21656),
        ({"To": TO, "From": SENDER, "ContentSid": BOOKING.sid, "ContentVariables": "[]"}, 21656),
        ({"To": TO, "From": SENDER, "ContentSid": BOOKING.sid, "ContentVariables": '{"1": 5}'}, 21656),
        ({"To": TO, "From": SENDER, "ContentSid": BOOKING.sid, "ContentVariables": '{"1": ""}'}, 21656),
        ({"To": TO, "From": SENDER, "ContentSid": BOOKING.sid, "ContentVariables": '{"1": "a\\nb"}'}, 21656),
        ({"To": TO, "From": SENDER, "ContentSid": BOOKING.sid, "ContentVariables": '{"1": "a     b"}'}, 21656),
        ({"To": TO, "From": SENDER, "ContentSid": BOOKING.sid, "ContentVariables": f'{{"1": "{"a" * 1601}"}}'}, 21658),
        ({"To": f"whatsapp:{TO}", "From": "whatsapp:+447700900000", "Body": "x"}, 63007),
        ({"To": "+15005550001", "From": SENDER, "Body": "x"}, 21211),
        ({"To": "+15005550002", "From": SENDER, "Body": "x"}, 21612),
        ({"To": "+15005550003", "From": SENDER, "Body": "x"}, 21408),
        ({"To": "+15005550004", "From": SENDER, "Body": "x"}, 21610),
        ({"To": "+15005550009", "From": SENDER, "Body": "x"}, 21614),
    ],
)
def test_what_twilio_refuses_is_refused(
    sandbox: Sandbox, messages_url: str, twilio_auth: tuple[str, str], form: dict[str, str], code: int
) -> None:
    response = requests.post(messages_url, auth=twilio_auth, data=form, timeout=10)
    assert response.status_code == 400
    body = response.json()
    assert body == {
        "code": code,
        "message": body["message"],
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": 400,
    }
    assert "None" not in body["message"]
    assert not only_call(sandbox, "twilio").accepted


def test_sixteen_hundred_characters_and_ten_hours_are_taken(twilio: Client) -> None:
    message = twilio.messages.create(to=TO, from_=SENDER, body="x" * 1600, validity_period=36000)
    assert message.num_segments == "11"


@pytest.mark.parametrize("magic", [TO, "+15005550004", "+15005550444"])
def test_strangers_are_refused_whatever_the_number(sandbox: Sandbox, magic: str) -> None:
    with pytest.raises(TwilioRestException) as refused:
        twilio_client(sandbox, token="wrong").messages.create(to=magic, from_=SENDER, body="Hello")
    assert (refused.value.status, refused.value.code) == (401, 20003)
    assert not only_call(sandbox, "twilio").accepted


def test_another_account_is_not_found(sandbox: Sandbox, twilio_auth: tuple[str, str]) -> None:
    url = f"{sandbox.url}/2010-04-01/Accounts/AC{'0' * 32}/Messages.json"
    response = requests.post(url, auth=twilio_auth, data={"To": TO, "From": SENDER, "Body": "x"}, timeout=10)
    assert (response.status_code, response.json()["code"]) == (404, 20404)


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_every_documented_refusal_can_be_told(sandbox: Sandbox, twilio: Client, code: int) -> None:
    sandbox.behave("twilio", error=code, times=1)
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages.create(to=TO, from_=SENDER, body="Hello")
    assert (refused.value.status, refused.value.code) == (REFUSALS[code][0], code)
    assert twilio.messages.create(to=TO, from_=SENDER, body="Hello").status == "queued"


@pytest.mark.parametrize("code", sorted(LATER))
def test_what_twilio_reports_later_is_found_by_a_look_up(sandbox: Sandbox, twilio: Client, code: int) -> None:
    sandbox.behave("twilio", error=code)
    created = twilio.messages.create(to=TO, from_=SENDER, body="Hello")
    assert (created.status, created.error_code) == ("queued", None)
    found = twilio.messages(created.sid).fetch()
    assert (found.status, found.error_code) == ("undelivered", code)


def test_a_look_up_finds_what_was_sent_and_only_that(twilio: Client) -> None:
    sent = [twilio.messages.create(to=TO, from_=SENDER, body=f"Hello {n}").sid for n in range(3)]
    twilio.messages.create(to="+447700900124", from_=SENDER, body="Hello")
    assert twilio.messages(sent[0]).fetch().status == "delivered"
    # Others sent to this number before; the newest come first.
    assert [message.sid for message in twilio.messages.list(to=TO)][:3] == sent[::-1]
    with pytest.raises(TwilioRestException) as missing:
        twilio.messages("SM" + "0" * 32).fetch()
    assert (missing.value.status, missing.value.code) == (404, 20404)


def test_a_list_is_filtered_by_date_and_paged(twilio: Client) -> None:
    number = "+447700900200"
    sent = {twilio.messages.create(to=number, from_=SENDER, body="Hello").sid for _ in range(5)}
    now = datetime.now(UTC)
    after = twilio.messages.list(to=number, date_sent_after=now - timedelta(minutes=5))
    assert {message.sid for message in after} == sent
    assert twilio.messages.list(to=number, date_sent_before=now - timedelta(minutes=5)) == []
    assert {message.sid for message in twilio.messages.list(to=number, page_size=2)} == sent


def test_a_message_to_a_broken_connection_is_found_by_a_look_up(
    messages_url: str, twilio_auth: tuple[str, str], twilio: Client
) -> None:
    form = {"To": "+15005550444", "From": SENDER, "Body": "Hello"}
    before = len(twilio.messages.list(to="+15005550444"))
    with pytest.raises(requests.ConnectionError):
        requests.post(messages_url, auth=twilio_auth, data=form, timeout=10)
    assert len(twilio.messages.list(to="+15005550444")) == before + 1


def test_too_many_requests_says_when_to_come_back(messages_url: str, twilio_auth: tuple[str, str]) -> None:
    form = {"To": "+15005550429", "From": SENDER, "Body": "Hello"}
    response = requests.post(messages_url, auth=twilio_auth, data=form, timeout=10)
    assert (response.status_code, response.json()["code"]) == (429, 20429)
    assert response.headers["Retry-After"] == "30"


@pytest.mark.parametrize(
    ("to", "status"), [("+15005550500", 500), ("+15005550503", 503), ("+15005550303", 201), ("+15005550305", 201)]
)
def test_the_sandboxs_magic_numbers(messages_url: str, twilio_auth: tuple[str, str], to: str, status: int) -> None:
    response = requests.post(
        messages_url, auth=twilio_auth, data={"To": to, "From": SENDER, "Body": "Hello"}, timeout=10
    )
    assert response.status_code == status


def chat(twilio: Client, to: str = TO, **given: Any) -> tuple[str | None, int | None, str]:
    """What a look-up finds of a WhatsApp message: status, error and text."""
    made = twilio.messages.create(to=f"whatsapp:{to}", from_=WHATSAPP_SENDER, **given)
    assert (made.status, made.error_code) == ("queued", None)
    found = twilio.messages(made.sid).fetch()
    assert (found.to, found.num_segments) == (f"whatsapp:{to}", "1")
    return found.status, found.error_code, found.body


def test_whatsapp_uses_the_same_route(twilio: Client) -> None:
    assert chat(twilio, body="ж" * 100) == ("delivered", None, "ж" * 100)


def test_an_approved_template_is_filled_in(twilio: Client) -> None:
    status, code, body = chat(twilio, content_sid=SHIPPED.sid, content_variables='{"name": "Ada", "order": "4711"}')
    assert (status, code) == ("delivered", None)
    assert body.startswith("Hello Ada, your order 4711 is on its way.")
    assert chat(twilio, content_sid=HOURS.sid) == ("delivered", None, HOURS.body)


def test_a_variable_that_is_left_out_gets_its_sample(twilio: Client) -> None:
    assert chat(twilio, content_sid=SHIPPED.sid, content_variables='{"order": "4711"}')[2].startswith("Hello there, ")


@pytest.mark.parametrize("variables", ['{"name": "Ada"}', '{"name": "Ada", "order": "4711", "gate": "3"}'])
def test_variables_that_are_not_the_templates_are_refused_by_whatsapp(twilio: Client, variables: str) -> None:
    assert chat(twilio, content_sid=SHIPPED.sid, content_variables=variables)[:2] == ("undelivered", 63028)


def test_a_template_filled_to_more_than_1024_characters_is_refused_by_whatsapp(twilio: Client) -> None:
    long = json.dumps({"order": "4" * 1000})
    assert chat(twilio, content_sid=SHIPPED.sid, content_variables=long)[:2] == ("undelivered", 63021)


def test_free_text_outside_of_the_24_hours_is_taken_and_not_delivered(twilio: Client, sandbox: Sandbox) -> None:
    silent = "+15005550316"
    assert chat(twilio, silent, body="Hello")[:2] == ("undelivered", 63016)
    assert chat(twilio, silent, content_sid=HOURS.sid)[:2] == ("delivered", None)
    assert twilio.messages.create(to=silent, from_=SENDER, body="Hello").fetch().status == "delivered"


@pytest.mark.parametrize("code", [63018, 63024, 63049])
def test_the_magic_numbers_of_whatsapp(twilio: Client, code: int) -> None:
    number = f"+15005550{code % 1000 + 300}"
    assert chat(twilio, number, body="Hello")[:2] == ("undelivered", code)
    assert twilio.messages.create(to=number, from_=SENDER, body="Hello").fetch().status == "delivered"


def test_what_was_refused_later_is_still_known_to_the_next_run(tmp_path: Path) -> None:
    with Sandbox(tmp_path, durable=False) as sandbox:
        silent = "whatsapp:+15005550316"
        message = twilio_client(sandbox).messages.create(to=silent, from_=WHATSAPP_SENDER, body="Hello")
    with Sandbox(tmp_path, durable=False) as sandbox:
        assert twilio_client(sandbox).messages(message.sid).fetch().error_code == 63016


def test_the_page_shows_what_the_recipient_reads(twilio: Client, sandbox: Sandbox) -> None:
    twilio.messages.create(
        to=f"whatsapp:{TO}", from_=WHATSAPP_SENDER, content_sid=SHIPPED.sid, content_variables='{"order": "4711"}'
    )
    page = requests.get(f"{sandbox.url}/", timeout=10).text
    assert '<article class="phone whatsapp">' in page
    assert '<p class="bubble">Hello there, your order 4711 is on its way.' in page
    assert "<dt>Template</dt><dd>order_shipped</dd>" in page
    assert "<dt>Undelivered</dt>" not in page


def test_the_page_says_what_will_not_be_delivered(twilio: Client, sandbox: Sandbox) -> None:
    twilio.messages.create(to="whatsapp:+15005550316", from_=WHATSAPP_SENDER, body="Hello")
    assert "<dt>Undelivered</dt><dd>63016 Outside messaging window" in requests.get(f"{sandbox.url}/", timeout=10).text


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("🚌" * 35, 1),
        ("🚌" * 36, 2),
    ],
)
def test_segments_are_counted_as_twilio_documents(body: str, count: int) -> None:
    assert segments(body) == count
