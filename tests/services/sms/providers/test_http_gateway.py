"""The HTTP gateway: two dialects over the network, its templates, its paths, and what it cannot start with."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crier.sandbox import Entry, Sandbox
from crier.sandbox.sms_gateway import API_KEY, CLASSIC_PATH, ERRORS, PATH, read_fields
from services.sms.providers.http_gateway import HttpGateway
from services.sms.providers.http_path import find, path_problem
from services.sms.providers.http_settings import HttpGatewaySettings
from services.sms.providers.http_template import fill
from shared.errors import Ambiguous, Rejected, SendError, SettingsError, Unavailable
from shared.messages.sms import SmsContent, SmsMessage
from shared.providers.port import Sent
from shared.settings import load_one

MESSAGE = SmsMessage(uuid4(), "+447700900123", SmsContent("Hello"), validity=90.5)
AWKWARD = 'a"b\\c\n{to} {id} & = + % é漢🎉 ${x} {{y}} \u2028'
CLASSIC_BODY = "user_key={api_key}&msisdn={to_digits}&sender={from}&message={text}&ref={id}&ttl={validity}"
CLASSIC = {
    "SMS_API_METHOD": "GET",
    "SMS_API_HEADERS": "{}",
    "SMS_API_BODY": CLASSIC_BODY,
    "SMS_API_ID_PATH": "data.message_id",
    "SMS_API_SUCCESS": "status=0",
    "SMS_API_ERROR_PATH": "reason",
    "SMS_API_ERROR_CODE_PATH": "status",
    "SMS_API_DEAD_CODES": "3,4",
    "SMS_API_RETRY_CODES": "9,10",
    "SMS_API_FAULT_CODES": "1,2",
}
LEAST = {"SMS_API_URL": "https://sms.example.com/send", "SMS_API_KEY": "canary-7d1f"}


def least(sandbox: Sandbox) -> dict[str, str]:
    """An address and a key, and nothing else."""
    return {"SMS_API_URL": sandbox.url + PATH, "SMS_API_KEY": API_KEY}


def classic(sandbox: Sandbox) -> dict[str, str]:
    return CLASSIC | {"SMS_API_URL": sandbox.url + CLASSIC_PATH, "SMS_API_KEY": API_KEY}


def send(environ: Mapping[str, str], message: SmsMessage = MESSAGE) -> Sent:
    async def main() -> Sent:
        provider = HttpGateway(load_one(HttpGatewaySettings, environ))
        try:
            return await provider.send(message)
        finally:
            await provider.close()

    return asyncio.run(main())


def failure(environ: Mapping[str, str], message: SmsMessage = MESSAGE) -> Any:
    with pytest.raises(SendError) as caught:
        send(environ, message)
    return caught.value


def problems(**environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load_one(HttpGatewaySettings, LEAST | environ)
    assert "canary-7d1f" not in str(caught.value)
    return str(caught.value)


def the_call(sandbox: Sandbox) -> Entry:
    [entry] = sandbox.calls("http")
    return entry


def test_an_address_and_a_key_are_enough(sandbox: Sandbox) -> None:
    sent = send(least(sandbox))
    entry = the_call(sandbox)
    assert json.loads(entry.received["body"]) == {"to": MESSAGE.to, "text": "Hello", "id": str(MESSAGE.delivery_id)}
    assert sent == Sent(reference=entry.reference, detail="HTTP 201")
    assert entry.delivery == str(MESSAGE.delivery_id)


def test_another_dialect_is_a_matter_of_settings(sandbox: Sandbox) -> None:
    sent = send(classic(sandbox), replace(MESSAGE, sender="Crier"))
    entry = the_call(sandbox)
    assert entry.received["method"] == "GET"
    assert read_fields(entry) == {
        "user_key": API_KEY, "to": MESSAGE.to, "from": "Crier", "text": "Hello", "id": str(MESSAGE.delivery_id),
        "ttl": "90",
    }  # fmt: skip
    assert sent == Sent(reference=entry.reference, detail="HTTP 200, 0")


def test_the_same_as_a_form(sandbox: Sandbox) -> None:
    send(classic(sandbox) | {"SMS_API_METHOD": "POST", "SMS_API_CONTENT_TYPE": "form"})
    entry = the_call(sandbox)
    assert entry.received["method"] == "POST"
    assert parse_qs(entry.received["body"])["msisdn"] == ["447700900123"]
    assert "sender" not in read_fields(entry) and "from" not in read_fields(entry)


@pytest.mark.parametrize("dialect", [least, classic])
def test_no_text_can_change_the_request_around_it(sandbox: Sandbox, dialect: Any) -> None:
    send(dialect(sandbox), replace(MESSAGE, content=SmsContent(AWKWARD)))
    fields = read_fields(the_call(sandbox))
    assert (fields["text"], fields["to"]) == (AWKWARD, MESSAGE.to)


@given(st.text(min_size=1))
def test_a_filled_template_has_the_shape_it_had(text: str) -> None:
    template = {"a": ["{text}", {"b": "x{text}y"}], "c": 1, "d": None}
    filled = fill(template, {"text": text})
    assert filled == {"a": [text, {"b": f"x{text}y"}], "c": 1, "d": None}


def test_a_placeholder_alone_keeps_its_type_and_is_left_out_where_there_is_no_value() -> None:
    template = {"ttl": "{validity}", "note": "ttl {validity}", "from": "{from}", "all": ["{from}", "{to}"]}
    assert fill(template, {"validity": 90, "from": None, "to": "+44"}) == {"ttl": 90, "note": "ttl 90", "all": ["+44"]}


def test_a_nested_body_headers_and_the_address_are_filled(sandbox: Sandbox) -> None:
    environ = least(sandbox) | {
        "SMS_API_URL": f"{sandbox.url}/elsewhere/{{to}}/{{id}}?key={{api_key}}",
        "SMS_API_HEADERS": '{"X-Key": "{api_key}", "X-Id": "crier-{id}", "X-From": "{from}"}',
        "SMS_API_BODY": '{"messages": [{"to": {"no": "{to}"}, "text": "{text}", "ttl": "{validity}", "dlr": true}]}',
    }
    assert type(failure(environ)) is Rejected, "nobody is there"
    entry = the_call_elsewhere(sandbox)
    address = urlsplit(entry.received["path"])
    assert address.path == f"/elsewhere/%2B447700900123/{MESSAGE.delivery_id}"
    assert parse_qs(address.query) == {"key": [API_KEY]}
    assert json.loads(entry.received["body"]) == {
        "messages": [{"to": {"no": MESSAGE.to}, "text": "Hello", "ttl": 90, "dlr": True}]
    }
    headers = {name.lower(): value for name, value in entry.received["headers"].items()}
    assert headers["x-id"] == f"crier-{MESSAGE.delivery_id}"
    assert "x-from" not in headers


def the_call_elsewhere(sandbox: Sandbox) -> Entry:
    [entry] = sandbox.calls("unknown")
    return entry


def test_the_senders_of_settings_and_messages(sandbox: Sandbox) -> None:
    send(least(sandbox) | {"SMS_API_FROM": "Shop"})
    assert read_fields(the_call(sandbox))["from"] == "Shop"
    sandbox.clear()
    send(least(sandbox) | {"SMS_API_FROM": "Shop"}, replace(MESSAGE, sender="+447700900000"))
    assert read_fields(the_call(sandbox))["from"] == "+447700900000"


def test_a_sender_that_has_no_place_is_refused_and_not_dropped(sandbox: Sandbox) -> None:
    environ = least(sandbox) | {"SMS_API_BODY": '{"to": "{to}", "text": "{text}"}'}
    error = failure(environ, replace(MESSAGE, sender="Crier"))
    assert (type(error), error.code) == (Rejected, "sender")
    assert list(sandbox.calls("http")) == []


@pytest.mark.parametrize("error", ERRORS)
def test_what_the_codes_of_the_other_dialect_mean(sandbox: Sandbox, error: str) -> None:
    sandbox.behave("http", error=error)
    caught = failure(classic(sandbox))
    number = str(ERRORS[error][2])
    assert (caught.code, caught.reason) == (number, ERRORS[error][1])
    kinds = {"3": Rejected, "4": Rejected, "1": Unavailable, "2": Unavailable, "9": Unavailable, "10": Unavailable}
    assert type(caught) is kinds.get(number, Rejected)
    assert getattr(caught, "target_is_dead", False) is (number in ("3", "4"))
    assert getattr(caught, "provider_fault", False) is (number in ("1", "2"))


@pytest.mark.parametrize(
    "body", ['{"status": 0}', '{"data": {"message_id": 1}}', "0", "OK", "", '{"status": 0, "data": {"message_id": {}}}']
)
def test_an_answer_that_says_neither_is_a_doubt(sandbox: Sandbox, body: str) -> None:
    sandbox.behave("http", status=200, body=body)
    assert type(failure(classic(sandbox))) is Ambiguous


def test_a_gateway_that_gives_no_id(sandbox: Sandbox) -> None:
    sandbox.behave("http", status=200, body="accepted")
    assert send(least(sandbox) | {"SMS_API_ID_PATH": "none"}) == Sent(detail="HTTP 200")
    assert type(failure(classic(sandbox) | {"SMS_API_ID_PATH": "none"})) is Ambiguous
    sandbox.behave("http", status=200, body='{"status": "0"}')
    assert send(classic(sandbox) | {"SMS_API_ID_PATH": "none"}) == Sent(detail="HTTP 200")


@pytest.mark.parametrize("fault", ["close", "reset", "half"])
def test_a_get_whose_connection_is_lost_is_a_doubt_and_is_not_made_again(sandbox: Sandbox, fault: str) -> None:
    sandbox.behave("http", fault=fault)
    assert type(failure(classic(sandbox))) is Ambiguous
    assert the_call(sandbox).accepted


@pytest.mark.parametrize(
    ("answer", "path", "found"),
    [
        ({"messages": [{"id": 7}]}, "messages.0.id", "7"),
        ([{"id": "a"}], "0.id", "a"),
        ({"0": "zero"}, "0", "zero"),
        ({"ok": True}, "ok", "true"),
        ({"a": {"b": None}}, "a.b", None),
        ({"a": {"b": {}}}, "a.b", None),
        ({"a": []}, "a.0", None),
        ({"a": "text"}, "a.0", None),
        (None, "a", None),
    ],
)
def test_paths_into_answers(answer: Any, path: str, found: str | None) -> None:
    assert find(answer, path) == found


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", "a[0]", "$.a", "a b"])
def test_malformed_paths(path: str) -> None:
    assert "such as messages.0.id" in (path_problem(path) or "")


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"SMS_API_URL": "sms.example.com"}, "SMS_API_URL must begin with https:// or http://"),
        ({"SMS_API_METHOD": "PUT"}, "SMS_API_METHOD must be one of POST, GET"),
        ({"SMS_API_METHOD": "GET", "SMS_API_CONTENT_TYPE": "json"}, "SMS_API_CONTENT_TYPE must be form"),
        ({"SMS_API_HEADERS": "Authorization: x"}, "SMS_API_HEADERS is not JSON"),
        ({"SMS_API_HEADERS": '{"X": 1}'}, "SMS_API_HEADERS must be an object of texts"),
        ({"SMS_API_HEADERS": '{"X": "{text}"}'}, "SMS_API_HEADERS must not have {text}"),
        (
            {"SMS_API_HEADERS": '{"X": "a\\nb"}'},
            "SMS_API_HEADERS: 'X' is no name of a header, or its value has control",
        ),
        ({"SMS_API_HEADERS": '{"X Y": "a"}'}, "SMS_API_HEADERS: 'X Y' is no name of a header"),
        ({"SMS_API_HEADERS": '{"content-type": "text/xml"}'}, "SMS_API_HEADERS must not have content-type"),
        ({"SMS_API_KEY": "canary-7d1f\n\nx"}, "SMS_API_KEY has line breaks or control characters"),
        ({"SMS_API_BODY": "{to}"}, "SMS_API_BODY is not JSON"),
        ({"SMS_API_BODY": '"{to} {text}"'}, "SMS_API_BODY must be an object or a list"),
        ({"SMS_API_BODY": "{to}", "SMS_API_CONTENT_TYPE": "form"}, "SMS_API_BODY is not a form"),
        ({"SMS_API_BODY": "a={to}&a={text}", "SMS_API_CONTENT_TYPE": "form"}, "a field is there twice"),
        ({"SMS_API_BODY": '{"to": "{two}", "text": "{text}"}'}, "SMS_API_BODY has {two}, which is no placeholder"),
        ({"SMS_API_BODY": '{"to": "{to}", "text": "{txt}"}'}, "Did you mean {text}?"),
        ({"SMS_API_BODY": '{"to": "{to}"}'}, "SMS_API_BODY must have {text}"),
        ({"SMS_API_BODY": '{"text": "{text}"}'}, "SMS_API_BODY must have {to} (+442079460018) or {to_digits}"),
        ({"SMS_API_BODY": '{"{to}": "{text}"}'}, "has {to} in the name of a field"),
        ({"SMS_API_ID_PATH": "messages[0].id"}, "SMS_API_ID_PATH must be names and numbers with dots"),
        ({"SMS_API_ERROR_PATH": "$.error"}, "SMS_API_ERROR_PATH must be names and numbers with dots"),
        ({"SMS_API_SUCCESS": "ok"}, "SMS_API_SUCCESS must be a path and the values"),
        ({"SMS_API_SUCCESS": "a..b=1"}, "SMS_API_SUCCESS must be names and numbers with dots"),
        ({"SMS_API_DEAD_CODES": "1,2", "SMS_API_RETRY_CODES": "2,3"}, "share 2: keep it in one of them"),
        ({"SMS_API_OPT_OUT_CODES": "2", "SMS_API_RETRY_CODES": "2,3"}, "share 2: keep it in one of them"),
        ({"SMS_API_KEYS": "x"}, "SMS_API_KEYS is not a setting"),
    ],
)
def test_what_it_cannot_start_with(environ: dict[str, str], problem: str) -> None:
    if "SMS_API_KEYS" in environ:
        with pytest.raises(SettingsError, match="Did you mean SMS_API_KEY"):
            load_one(HttpGatewaySettings, {"SMS_API_URL": LEAST["SMS_API_URL"]} | environ)
    else:
        assert problem in problems(**environ)


def test_every_problem_is_told_at_once() -> None:
    told = problems(SMS_API_BODY='{"to": "{too}"}', SMS_API_DEAD_CODES="1", SMS_API_FAULT_CODES="1")
    for problem in ("{too}", "must have {to}", "must have {text}", "share 1"):
        assert problem in told
