"""Twilio's status callbacks and inbound messages: who may call, and what each call means."""

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
import pytest
from twilio.request_validator import RequestValidator

from shared.errors import InvalidInput
from shared.receipts.port import Event, Forged, Incoming, Kind, Receipt
from shared.receipts.twilio import START, STATUSES, STOP, TwilioReceipts, TwilioReceiptSettings

TOKEN = "b1c0" * 8
SID = "SM1342fe1b2c904d1ab04f0fc7a58abca9"
DELIVERY = UUID("0198c0de-0000-7000-8000-00000000002a")
URL = f"https://crier.example.com/v1/receipts/twilio?delivery={DELIVERY}"
TO, OURS = "+447700900123", "+15005550006"
SOURCE = TwilioReceipts(TwilioReceiptSettings(TOKEN))
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}

# https://www.twilio.com/docs/usage/webhooks/webhooks-security#validating-signatures-from-twilio
EXAMPLE_TOKEN = "12345"
EXAMPLE_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
EXAMPLE_FORM = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+12349013030",
    "Digits": "1234",
    "From": "+12349013030",
    "To": "+18005551212",
}
EXAMPLE_SIGNATURE = "0/KCTR6DLpKmkAf8muzZqo1nDgQ="


def call(form: Mapping[str, str], *, url: str = URL, signature: str | None = None, token: str = TOKEN) -> Incoming:
    signed = RequestValidator(token).compute_signature(url, form) if signature is None else signature
    return Incoming(url, {**FORM_TYPE, "X-Twilio-Signature": signed}, urlencode(form).encode(), 0.0)


def status(name: str, **more: str) -> dict[str, str]:
    sender = {"AccountSid": "AC" + "0" * 32, "From": OURS, "To": TO}
    return {**sender, "MessageSid": SID, "MessageStatus": name, "SmsSid": SID, "SmsStatus": name, **more}


def written(body: str, **more: str) -> dict[str, str]:
    return {"MessageSid": SID, "SmsStatus": "received", "From": TO, "To": OURS, "Body": body, "NumMedia": "0", **more}


def only(form: Mapping[str, str], url: str = URL) -> Event:
    [event] = SOURCE.events(call(form, url=url))
    return event


def read(form: Mapping[str, str], url: str = URL) -> Receipt | None:
    """What a call means once it was stored as JSON."""
    return SOURCE.read(orjson.loads(orjson.dumps(only(form, url).body)))


def certain(form: Mapping[str, str], url: str = URL) -> Receipt:
    found = read(form, url)
    assert found is not None
    return found


def forged(incoming: Incoming, source: TwilioReceipts = SOURCE) -> bool:
    try:
        source.events(incoming)
    except Forged:
        return True
    return False


def test_the_documented_example_is_genuine_and_only_as_it_is() -> None:
    source = TwilioReceipts(TwilioReceiptSettings(EXAMPLE_TOKEN))
    genuine = call(EXAMPLE_FORM, url=EXAMPLE_URL, signature=EXAMPLE_SIGNATURE)
    with pytest.raises(InvalidInput, match="MessageSid"):  # it is of a telephone call, but it is Twilio's
        source.events(genuine)
    altered = call(EXAMPLE_FORM | {"Digits": "1235"}, url=EXAMPLE_URL, signature=EXAMPLE_SIGNATURE)
    assert forged(altered, source)
    assert forged(call(EXAMPLE_FORM, url=EXAMPLE_URL.replace("bar=2", "bar=3"), signature=EXAMPLE_SIGNATURE), source)
    assert forged(genuine)


@pytest.mark.parametrize(
    "incoming",
    [
        call(status("delivered"), signature=""),
        call(status("delivered"), signature="AAAA"),
        call(status("delivered"), signature="é" * 28),
        call(status("delivered"), token="another account's"),
        Incoming(URL, FORM_TYPE, urlencode(status("delivered")).encode(), 0.0),
        Incoming(URL, FORM_TYPE | {"X-Twilio-Signature": "x"}, b"\xff" * 100, 0.0),
        Incoming(URL, FORM_TYPE | {"X-Twilio-Signature": "x"}, b"&".join([b"a=1"] * 1000), 0.0),
        Incoming(URL, FORM_TYPE | {"X-Twilio-Signature": "x"}, b"", 0.0),
    ],
)
def test_a_call_that_is_not_twilios_is_forged(incoming: Incoming) -> None:
    assert forged(incoming)


def test_a_signature_does_not_hold_for_another_delivery_status_or_body() -> None:
    genuine = call(status("undelivered", ErrorCode="30005"))
    assert not forged(genuine)
    for url in (URL.replace("2a", "2b"), URL + "&x=1", URL.replace("https:", "http:")):
        assert forged(Incoming(url, genuine.headers, genuine.body, 0.0))
    for altered in (genuine.body.replace(b"30005", b"30006"), genuine.body + b"&x=", b""):
        assert forged(Incoming(URL, genuine.headers, altered, 0.0))


def test_a_json_body_is_held_by_its_hash_in_the_address() -> None:
    body = orjson.dumps(status("delivered"))
    url = f"{URL}&bodySHA256={hashlib.sha256(body).hexdigest()}"
    signature = RequestValidator(TOKEN).compute_signature(url, {})
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": signature}
    [event] = SOURCE.events(Incoming(url, headers, body, 0.0))
    assert event.event_id == f"{SID}:delivered:"
    assert forged(Incoming(url, headers, body.replace(b"delivered", b"failed   "), 0.0))


def test_another_body_without_a_hash_is_forged_although_the_address_is_signed() -> None:
    signature = RequestValidator(TOKEN).compute_signature(URL, {})
    for kind in ("application/json", "text/plain", ""):
        headers = {"Content-Type": kind, "X-Twilio-Signature": signature}
        assert forged(Incoming(URL, headers, orjson.dumps(status("delivered")), 0.0))


def test_the_same_report_has_the_same_id_and_another_one_another() -> None:
    reports = [
        status("queued"), status("sent"), status("delivered"), status("delivered", EventType="READ"),
        status("undelivered", ErrorCode="30003"),
        status("undelivered", ErrorCode="30005"), written("STOP"), status("sent") | {"MessageSid": "SM" + "0" * 32},
    ]  # fmt: skip
    ids = [only(report).event_id for report in reports]
    assert len(set(ids)) == len(reports)
    assert [only(report).event_id for report in reversed(reports)] == ids[::-1]
    assert only(status("delivered", RawDlrDoneDate="2611221042")).event_id == only(status("delivered")).event_id


@pytest.mark.parametrize("name", STATUSES)
def test_every_status_is_about_its_delivery_and_its_message(name: str) -> None:
    receipt = certain(status(name))
    assert receipt.kind is STATUSES[name]
    assert (receipt.delivery_id, receipt.reference) == (DELIVERY, SID)
    assert (receipt.channel, receipt.target) == ("sms", TO)


def test_sent_says_only_that_twilio_has_it_and_read_that_it_was_opened() -> None:
    assert certain(status("sent")).kind is Kind.ACCEPTED
    assert certain(status("read", To=f"whatsapp:{TO}", EventType="READ")).kind is Kind.OPENED
    assert certain(status("delivered", To=f"whatsapp:{TO}", EventType="READ")).kind is Kind.OPENED


def test_a_whatsapp_number_is_told_from_one_for_sms() -> None:
    receipt = certain(status("delivered", To=f"whatsapp:{TO}"))
    assert (receipt.channel, receipt.target) == ("whatsapp", TO)


@pytest.mark.parametrize("url", [URL.partition("?")[0], URL.replace(str(DELIVERY), "x"), URL.replace("delivery", "d")])
def test_without_our_id_there_is_still_twilios(url: str) -> None:
    receipt = certain(status("delivered"), url)
    assert (receipt.delivery_id, receipt.reference) == (None, SID)


@pytest.mark.parametrize(
    ("code", "kind", "suppress", "retry_after"),
    [
        ("30005", Kind.UNDELIVERED, "invalid", None),
        ("30006", Kind.UNDELIVERED, "invalid", None),
        ("30007", Kind.UNDELIVERED, None, None),
        ("30003", Kind.BOUNCED_FOR_NOW, None, 1800.0),
        ("30008", Kind.BOUNCED_FOR_NOW, None, 1800.0),
        ("30001", Kind.UNDELIVERED, None, 900.0),
        ("30002", Kind.UNDELIVERED, None, None),
        ("63024", Kind.UNDELIVERED, None, None),
        ("99999", Kind.UNDELIVERED, None, None),
        ("oops", Kind.UNDELIVERED, None, None),
        ("", Kind.UNDELIVERED, None, None),
    ],
)
def test_a_code_goes_through_the_table_of_codes(
    code: str, kind: Kind, suppress: str | None, retry_after: float | None
) -> None:
    receipt = certain(status("undelivered", ErrorCode=code))
    assert (receipt.kind, receipt.suppress, receipt.retry_after) == (kind, suppress, retry_after)
    assert receipt.code == (code or None)
    assert receipt.detail


def test_where_twilio_has_no_words_the_table_has() -> None:
    assert certain(status("undelivered", ErrorCode="30005")).detail == "unknown handset"
    assert certain(status("undelivered")).detail == "Twilio reports undelivered"


def test_an_opt_out_that_turns_up_later_suppresses() -> None:
    for code in ("21610", "63014"):
        assert certain(status("failed", ErrorCode=code)).suppress == "opt-out"


def test_a_code_beside_a_status_that_is_no_failure_suppresses_nobody() -> None:
    assert certain(status("sent", ErrorCode="30005")).suppress is None


def test_whatsapps_own_words_are_kept_and_what_to_do_is_said() -> None:
    form = status("undelivered", ErrorCode="63016", To=f"whatsapp:{TO}", ChannelStatusMessage="Outside of the window.")
    detail = certain(form).detail
    assert detail.startswith("Outside of the window. ")
    assert "approved template" in detail


@pytest.mark.parametrize("word", [*sorted(STOP), " stop\n", "Stop.", '"STOP"'])
def test_a_word_of_the_list_opts_the_number_out(word: str) -> None:
    receipt = certain(written(word))
    assert (receipt.kind, receipt.suppress) == (Kind.UNSUBSCRIBED, "opt-out")
    assert (receipt.channel, receipt.target, receipt.delivery_id, receipt.reference) == ("sms", TO, None, None)


@pytest.mark.parametrize("word", [*sorted(START), "start"])
def test_a_word_of_the_other_list_opts_it_in(word: str) -> None:
    receipt = certain(written(word))
    assert (receipt.kind, receipt.suppress, receipt.target) == (Kind.RESUBSCRIBED, None, TO)


def test_what_advanced_opt_out_says_goes_before_the_words() -> None:
    assert certain(written("ARRET", OptOutType="STOP")).kind is Kind.UNSUBSCRIBED
    assert certain(written("stop", OptOutType="START")).kind is Kind.RESUBSCRIBED
    assert read(written("STOP", OptOutType="HELP")) is None


def test_an_opt_out_over_whatsapp_is_for_whatsapp() -> None:
    receipt = certain(written("STOP", From=f"whatsapp:{TO}"))
    assert (receipt.channel, receipt.target) == ("whatsapp", TO)


@pytest.mark.parametrize("text", ["Please stop", "STOP IT", "Thank you!", "", "help", "no"])
def test_any_other_message_means_nothing_and_its_words_are_not_kept(text: str) -> None:
    event = only(written(text))
    assert SOURCE.read(event.body) is None
    assert "Body" not in event.body["form"]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"form": None}, {"form": []}, {"form": {"MessageStatus": None}}, {"form": {"MessageStatus": "teleported"}},
        {"form": {"Body": "STOP"}}, {"form": {"MessageStatus": {"a": 1}, "ErrorCode": []}},
    ],
)  # fmt: skip
def test_what_was_never_seen_before_means_nothing(body: dict[str, Any]) -> None:
    assert SOURCE.read(body) is None
