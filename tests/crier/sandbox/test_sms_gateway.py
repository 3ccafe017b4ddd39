"""The stand-in for SMS gateways: two dialects, each as it is described, and nothing else."""

from typing import Any

import pytest
import requests

from crier.sandbox import Sandbox
from crier.sandbox.sms_gateway import API_KEY, CLASSIC_PATH, ERRORS, PATH

TO, DELIVERY = "+447700900123", "6f1d5b9c-1f0a-4d0f-8b86-2d0f6c1f2a3b"


def post(sandbox: Sandbox, body: Any, key: str = API_KEY, **options: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return requests.post(sandbox.url + PATH, json=body, headers=headers, timeout=10, **options)


def classic(sandbox: Sandbox, **fields: str) -> Any:
    given = {"user_key": API_KEY, "msisdn": TO[1:], "message": "Hello"} | fields
    answer = requests.get(sandbox.url + CLASSIC_PATH, params=given, timeout=10)
    assert answer.status_code == 200, "it says 200 to everything"
    return answer.json()


def test_a_message_is_taken_and_given_an_id(sandbox: Sandbox) -> None:
    answer = post(sandbox, {"to": TO, "from": "Crier", "text": "Hello", "id": DELIVERY})
    assert answer.status_code == 201
    assert answer.json()["status"] == "queued"
    [entry] = sandbox.calls("http")
    assert (entry.accepted, entry.recipient, entry.delivery) == (True, TO, DELIVERY)
    assert entry.reference == answer.json()["id"]
    shown = sandbox.preview(entry)
    assert (shown.text, dict(shown.facts)["Segments"]) == ("Hello", "1")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], "malformed"),
        ({"to": 447700900123, "text": "x"}, "malformed"),
        ({"to": TO, "text": "x", "id": ""}, "malformed"),
        ({"to": TO, "text": "x", "colour": "red"}, "unknown_field"),
        ({"text": "x"}, "invalid_number"),
        ({"to": "07700900123", "text": "x"}, "invalid_number"),
        ({"to": TO}, "invalid_text"),
        ({"to": TO, "text": ""}, "invalid_text"),
        ({"to": TO, "text": "x" * 1601}, "invalid_text"),
        ({"to": TO, "text": "x", "from": "TwelveLetter"}, "invalid_sender"),
        ({"to": TO, "text": "x", "from": "+0"}, "invalid_sender"),
    ],
)
def test_what_is_not_described_is_refused(sandbox: Sandbox, body: Any, code: str) -> None:
    answer = post(sandbox, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert [entry.accepted for entry in sandbox.calls("http")] == [False]


def test_strangers_and_forms_are_refused(sandbox: Sandbox) -> None:
    assert post(sandbox, {"to": TO, "text": "x"}, key="another").status_code == 401
    form = requests.post(
        sandbox.url + PATH, data={"to": TO}, headers={"Authorization": f"Bearer {API_KEY}"}, timeout=10
    )
    assert form.json()["error"]["code"] == "malformed"


def test_the_classic_dialect_counts_its_messages(sandbox: Sandbox) -> None:
    first, second = (classic(sandbox, ref=DELIVERY, sender="72345", ttl="60") for _ in range(2))
    assert first["status"] == second["status"] == 0
    assert second["data"]["message_id"] == first["data"]["message_id"] + 1
    assert [(entry.recipient, entry.delivery) for entry in sandbox.calls("http")] == [(TO, DELIVERY)] * 2


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"user_key": "another"}, 1),
        ({"msisdn": TO}, 3),
        ({"msisdn": ""}, 3),
        ({"message": ""}, 5),
        ({"sender": "TwelveLetter"}, 6),
        ({"ttl": "soon"}, 7),
        ({"colour": "red"}, 7),
    ],
)
def test_the_classic_dialect_refuses_by_number(sandbox: Sandbox, fields: dict[str, str], status: int) -> None:
    assert classic(sandbox, **fields)["status"] == status


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_can_be_told_in_both_dialects(sandbox: Sandbox, error: str) -> None:
    sandbox.behave("http", error=error)
    status, message, number = ERRORS[error]
    answer = post(sandbox, {"to": TO, "text": "x"})
    assert (answer.status_code, answer.json()) == (status, {"error": {"code": error, "message": message}})
    assert classic(sandbox) == {"status": number, "reason": message}


@pytest.mark.parametrize(("to", "error"), [("+15005550001", "invalid_number"), ("+15005550503", "unavailable")])
def test_the_magic_numbers(sandbox: Sandbox, to: str, error: str) -> None:
    assert post(sandbox, {"to": to, "text": "x"}).json()["error"]["code"] == error
    assert classic(sandbox, msisdn=to[1:])["status"] == ERRORS[error][2]
    assert post(sandbox, {"to": to, "text": "x"}, key="another").status_code == 401
