"""The FCM stand-in, driven by google-auth."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2 import service_account

from crier.sandbox import Sandbox
from crier.sandbox.fcm.google_token import GRANT
from tests.crier.sandbox.clients import DELIVERY, FIREBASE_SCOPE

Send = Callable[..., requests.Response]
TOKEN = "cxsvc9gzo6U:APA91bEH6MEBwXWUD1210128eiYBGKcJruIbwGzE"


@pytest.fixture
def send(firebase: AuthorizedSession, send_url: str) -> Send:
    """Send a message with an access token that google-auth gets."""
    return lambda message, **request: firebase.post(send_url, json={"message": message, **request}, timeout=10)


def sends(sandbox: Sandbox) -> list[Any]:
    return [entry for entry in sandbox.calls("fcm") if entry.action == "send"]


def fcm_code(response: requests.Response) -> str | None:
    details = response.json()["error"]["details"]
    return next((d["errorCode"] for d in details if d["@type"].endswith("google.firebase.fcm.v1.FcmError")), None)


def fields(response: requests.Response) -> list[str]:
    details = response.json()["error"]["details"]
    return [v.get("field", "") for d in details if d["@type"].endswith("BadRequest") for v in d["fieldViolations"]]


FULL = {
    "token": TOKEN,
    "notification": {"title": "Your trip", "body": "is on time", "image": "https://example.com/a.png"},
    "data": {"trip": "42", "anyOtherName": "left alone"},
    "android": {
        "collapse_key": "trip-42",
        "priority": "high",
        "ttl": "3.5s",
        "data": {"x": "y"},
        "notification": {
            "icon": "bus",
            "color": "#1f6feb",
            "sound": "chime",
            "channel_id": "trips",
            "notification_count": 3,
            "sticky": True,
            "visibility": "PUBLIC",
            "vibrate_timings": ["1s", "0.5s"],
            "body_loc_args": ["a"],
            "light_settings": {"color": {"red": 1}, "light_on_duration": "1s", "light_off_duration": "1s"},
        },
        "direct_boot_ok": True,
    },
    "apns": {
        "headers": {"apns-priority": "10"},
        "payload": {
            "aps": {
                "alert": {"title": "t", "subtitle": "s", "body": "b"},
                "badge": 3,
                "sound": {"critical": 1, "name": "default", "volume": 1.0},
                "category": "TRIP",
                "thread-id": "trip-42",
                "interruption-level": "time-sensitive",
                "mutable-content": 1,
            }
        },
    },
    "webpush": {
        "headers": {"TTL": "15"},
        "notification": {"vibrate": [1, 2]},
        "fcm_options": {"link": "https://a.example"},
    },
    "fcm_options": {"analytics_label": "trips"},
}


def test_a_message_with_every_kind_of_option_is_taken(sandbox: Sandbox, send: Send) -> None:
    response = send(FULL)
    assert response.status_code == 200
    assert list(response.json()) == ["name"]
    assert re.fullmatch(r"projects/crier-sandbox/messages/0:\d+%[0-9a-f]{16}", response.json()["name"])
    [entry] = sends(sandbox)
    assert (entry.accepted, entry.recipient, entry.reference) == (True, TOKEN, response.json()["name"])


def test_names_may_be_written_in_camel_case(send: Send) -> None:
    message = {"token": TOKEN, "android": {"collapseKey": "x", "notification": {"clickAction": "y"}}}
    assert send(message).status_code == 200


@pytest.mark.parametrize(
    "carrier",
    [
        {"fcm_options": {"analytics_label": DELIVERY}},
        {"fcmOptions": {"analyticsLabel": DELIVERY}},
        {"data": {"crier_id": DELIVERY}},
        {"data": {"other": "x", "crier.delivery": DELIVERY}},
    ],
)
def test_the_delivery_is_found(sandbox: Sandbox, send: Send, carrier: dict[str, Any]) -> None:
    send({"token": TOKEN, **carrier})
    assert sends(sandbox)[0].delivery == DELIVERY


def test_a_topic_is_the_recipient(sandbox: Sandbox, send: Send) -> None:
    assert send({"topic": "news"}).status_code == 200
    assert sends(sandbox)[0].recipient == "/topics/news"


def test_people_see_what_each_platform_gets(sandbox: Sandbox, send: Send) -> None:
    send(FULL)
    [entry] = sends(sandbox)
    shown = sandbox.vendors["fcm"].preview(entry)
    assert (shown.title, shown.text, shown.image) == ("Your trip", "is on time", "https://example.com/a.png")
    assert {("android.icon", "bus"), ("aps.category", "TRIP"), ("data.trip", "42")} <= set(shown.facts)


def test_a_dry_run_is_answered_and_nothing_is_taken(sandbox: Sandbox, send: Send) -> None:
    response = send({"token": TOKEN}, validate_only=True)
    assert response.json() == {"name": "projects/crier-sandbox/messages/fake_message_id"}
    assert not sends(sandbox)[0].accepted


@pytest.mark.parametrize(
    ("message", "field", "sentence"),
    [
        (
            {"token": TOKEN, "tokens": []},
            "message",
            "Invalid JSON payload received. Unknown name \"tokens\" at 'message': Cannot find field.",
        ),
        (
            {"token": TOKEN, "android": {"badge": 1}},
            "message.android",
            "Invalid JSON payload received. Unknown name \"badge\" at 'message.android': Cannot find field.",
        ),
        (
            {"token": TOKEN, "data": {"a": "b", "n": 12}},
            "message.data[1].value",
            "Invalid value at 'message.data[1].value' (TYPE_STRING), 12",
        ),
        ({"token": 5}, "message.token", "Invalid value at 'message.token' (TYPE_STRING), 5"),
        (
            {"token": TOKEN, "android": {"priority": "urgent"}},
            "message.android.priority",
            "Invalid value at 'message.android.priority' (TYPE_ENUM), \"urgent\"",
        ),
        (
            {"token": TOKEN, "android": {"ttl": 3600}},
            "message.android.ttl",
            "Invalid value at 'message.android.ttl' (type.googleapis.com/google.protobuf.Duration), 3600",
        ),
        ({"token": TOKEN, "android": {"directBootOk": "yes"}}, "message.android.direct_boot_ok", None),
        ({"token": TOKEN, "apns": {"payload": "x"}}, "message.apns.payload", None),
        ({"token": TOKEN, "android": {"notification": {"notification_count": "many"}}}, None, None),
        ({"token": TOKEN, "android": {"notification": {"body_loc_args": "one"}}}, None, None),
        ({"token": TOKEN, "android": {"notification": {"vibrate_timings": [1]}}}, None, None),
        ({"token": TOKEN, "android": {"notification": {"light_settings": {"color": {"red": "1"}}}}}, None, None),
        ({"token": TOKEN, "notification": "Hello"}, "message.notification", None),
    ],
)
def test_malformed_messages_are_refused_by_field(
    sandbox: Sandbox,
    send: Send,
    message: dict[str, Any],
    field: str | None,
    sentence: str | None,
) -> None:
    response = send(message)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert sentence is None or error["message"] == sentence
    assert field is None or fields(response) == [field]
    assert fcm_code(response) is None
    assert not sends(sandbox)[0].accepted


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"notification": {"title": "To nobody"}}, "Recipient of the message is not set."),
        ({"token": TOKEN, "topic": "news"}, "oneof"),
        ({"token": TOKEN, "data": {"from": "me"}}, "Invalid data payload key: from"),
        ({"token": TOKEN, "data": {"google.x": "me"}}, "Invalid data payload key: google.x"),
        ({"token": TOKEN, "android": {"data": {"gcm.notification.x": "y"}}}, "gcm.notification.x"),
        ({"token": TOKEN, "android": {"ttl": "2419201s"}}, "TTL"),
        ({"token": TOKEN, "data": {"a": "x" * 4096}}, "too big"),
        ({"topic": "news", "data": {"a": "x" * 2048}}, "too big"),
        ({"token": TOKEN, "notification": {"title": "t", "body": "é" * 2048}}, "too big"),
        ({"token": TOKEN, "apns": {"payload": {"aps": {"alert": "x" * 4096}}}}, "APNS message is too big"),
        ({"token": "has spaces"}, "not a valid FCM registration token"),
        ({"topic": "line 12"}, "Invalid topic name"),
        ({"topic": "/topics/line-12"}, "Invalid topic name"),
        ({"token": TOKEN, "android": {"notification": {"color": "red"}}}, "Invalid color"),
        ({"token": TOKEN, "android": {"notification": {"color": "#1f6f"}}}, "Invalid color"),
        ({"token": TOKEN, "apns": {"headers": {"apns-priority": "high"}}}, "apns-priority"),
        ({"token": TOKEN, "apns": {"headers": {"apns-collapse-id": "x" * 65}}}, "apns-collapse-id"),
        ({"token": TOKEN, "apns": {"payload": {"aps": {"badge": "3"}}}}, "badge"),
        ({"token": TOKEN, "apns": {"payload": {"aps": {"sound": True}}}}, "sound"),
        ({"token": TOKEN, "apns": {"payload": {"aps": {"thread_id": "x"}}}}, "thread_id"),
        ({"token": TOKEN, "apns": {"payload": {"aps": {"interruption-level": "loud"}}}}, "interruption-level"),
    ],
)
def test_what_fcm_refuses_is_refused_with_its_own_code(send: Send, message: dict[str, Any], words: str) -> None:
    response = send(message)
    assert response.status_code == 400
    assert words in response.json()["error"]["message"]
    assert fcm_code(response) == "INVALID_ARGUMENT"


def test_a_deep_payload_is_taken(firebase: AuthorizedSession, send_url: str) -> None:
    deep = '{"x":' * 900 + "1" + "}" * 900
    body = f'{{"message": {{"token": "{TOKEN}", "apns": {{"payload": {deep}}}}}}}'
    assert firebase.post(send_url, data=body, timeout=10).status_code == 200


def test_four_kilobytes_are_taken(send: Send) -> None:
    assert send({"token": TOKEN, "data": {"a": "x" * 4095}}).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null"])
def test_what_is_no_message_is_refused(firebase: AuthorizedSession, send_url: str, body: bytes) -> None:
    response = firebase.post(send_url, data=body, timeout=10)
    assert (response.status_code, response.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("header", [None, "Bearer ya29.c.unknown", "Basic eDp5"])
def test_no_access_token_no_message(sandbox: Sandbox, send_url: str, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    body = {"message": {"token": "unregistered-1"}}
    response = requests.post(send_url, json=body, headers=headers, timeout=10)
    assert response.status_code == 401
    assert response.json()["error"]["status"] == "UNAUTHENTICATED"
    assert response.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_EXPIRED"
    assert not sends(sandbox)[0].accepted


def test_a_revoked_token_is_refreshed_by_the_client(sandbox: Sandbox, send: Send) -> None:
    assert send({"token": TOKEN}).status_code == 200
    sandbox.vendors["fcm"].tokens.revoke()
    assert send({"token": TOKEN}).status_code == 200
    assert [entry.answered["status"] for entry in sandbox.calls("fcm")] == [200, 200, 401, 200, 200]


def test_another_project_is_denied(firebase: AuthorizedSession, send_url: str) -> None:
    url = send_url.replace("crier-sandbox", "another")
    response = firebase.post(url, json={"message": {"token": TOKEN}}, timeout=10)
    assert (response.status_code, response.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("name", "status", "canonical"),
    [
        ("UNREGISTERED", 404, "NOT_FOUND"),
        ("INVALID_ARGUMENT", 400, "INVALID_ARGUMENT"),
        ("SENDER_ID_MISMATCH", 403, "PERMISSION_DENIED"),
        ("QUOTA_EXCEEDED", 429, "RESOURCE_EXHAUSTED"),
        ("UNAVAILABLE", 503, "UNAVAILABLE"),
        ("INTERNAL", 500, "INTERNAL"),
        ("THIRD_PARTY_AUTH_ERROR", 401, "UNAUTHENTICATED"),
    ],
)
def test_every_code_of_fcms_can_be_told(sandbox: Sandbox, send: Send, name: str, status: int, canonical: str) -> None:
    sandbox.behave("fcm", error=name, recipient=TOKEN)
    response = send({"token": TOKEN})
    assert (response.status_code, response.json()["error"]["status"], fcm_code(response)) == (status, canonical, name)
    assert not any(entry.accepted for entry in sends(sandbox))
    assert send({"token": "another-device"}).status_code == 200


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("RATE_LIMIT_EXCEEDED", 429, "RATE_LIMIT_EXCEEDED"),
        ("PERMISSION_DENIED", 403, "IAM_PERMISSION_DENIED"),
        ("UNAUTHENTICATED", 401, "ACCESS_TOKEN_EXPIRED"),
    ],
)
def test_what_googles_front_end_refuses_has_no_code_of_fcms(
    sandbox: Sandbox, send: Send, name: str, status: int, reason: str
) -> None:
    sandbox.behave("fcm", error=name)
    response = send({"token": TOKEN})
    assert (response.status_code, fcm_code(response)) == (status, None)
    assert response.json()["error"]["details"][0]["reason"] == reason


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("unregistered-1", "UNREGISTERED"),
        ("invalid-1", "INVALID_ARGUMENT"),
        ("mismatch-1", "SENDER_ID_MISMATCH"),
        ("quota-1", "QUOTA_EXCEEDED"),
        ("unavailable-1", "UNAVAILABLE"),
        ("internal-1", "INTERNAL"),
        ("apns-1", "THIRD_PARTY_AUTH_ERROR"),
    ],
)
def test_magic_tokens(send: Send, token: str, code: str) -> None:
    assert fcm_code(send({"token": token})) == code


def test_quota_says_when_to_come_back(send: Send) -> None:
    assert send({"token": "quota-1"}).headers["Retry-After"] == "30"


def test_a_dropped_call_was_taken(sandbox: Sandbox, send: Send) -> None:
    with pytest.raises(requests.ConnectionError):
        send({"token": "drop-1"})
    assert [entry.accepted for entry in sends(sandbox)] == [True]


@pytest.fixture
def account(sandbox: Sandbox) -> dict[str, str]:
    return json.loads(Path(sandbox.environment["FIREBASE_CREDENTIALS_PATH"]).read_bytes())


def claims(account: dict[str, str], **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    honest = {
        "iss": account["client_email"],
        "aud": account["token_uri"],
        "iat": now,
        "exp": now + 3600,
        "scope": FIREBASE_SCOPE,
    }
    return {name: value for name, value in {**honest, **changes}.items() if value is not None}


def ask(account: dict[str, str], assertion: str | None, grant: str = GRANT) -> requests.Response:
    form = {"grant_type": grant, "assertion": assertion}
    return requests.post(account["token_uri"], data=form, timeout=10)


def test_an_honest_assertion_gets_a_token(account: dict[str, str]) -> None:
    response = ask(account, jwt.encode(claims(account), account["private_key"], "RS256"))
    assert response.status_code == 200
    token = response.json()
    assert token == {"access_token": token["access_token"], "expires_in": 3599, "token_type": "Bearer"}
    assert token["access_token"].startswith("ya29.")


HOUR = 3600


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"aud": "https://example.com/token"}, "invalid_grant", "audience"),
        ({"aud": None}, "invalid_grant", "aud"),
        ({"iss": None}, "invalid_grant", "iss"),
        ({"iss": "someone@example.com"}, "invalid_grant", "account not found"),
        ({"iat": int(time.time()) - 2 * HOUR, "exp": int(time.time()) - HOUR}, "invalid_grant", "short-lived"),
        ({"exp": int(time.time()) + 2 * HOUR}, "invalid_grant", "short-lived"),
        ({"iat": int(time.time()) + HOUR}, "invalid_grant", "short-lived"),
        ({"scope": None}, "invalid_scope", "scope"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, "invalid_scope", "scope"),
    ],
)
def test_false_claims_get_none(account: dict[str, str], changes: dict[str, Any], error: str, words: str) -> None:
    response = ask(account, jwt.encode(claims(account, **changes), account["private_key"], "RS256"))
    assert response.status_code == 400
    assert response.json()["error"] == error
    assert words in response.json()["error_description"]


def test_another_key_gets_none(account: dict[str, str]) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    response = ask(account, jwt.encode(claims(account), stranger, "RS256"))
    assert response.json() == {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}


@pytest.mark.parametrize("assertion", ["", "x", "a.b.c"])
def test_no_assertion_gets_none(account: dict[str, str], assertion: str) -> None:
    assert ask(account, assertion).json()["error"] in ("invalid_request", "invalid_grant")


def test_an_unsigned_assertion_gets_none(account: dict[str, str]) -> None:
    assert ask(account, jwt.encode(claims(account), None, "none")).json()["error"] == "invalid_grant"


def test_another_grant_is_not_supported(account: dict[str, str]) -> None:
    assert ask(account, "x", "refresh_token").json()["error"] == "unsupported_grant_type"


def test_google_auth_reports_the_error_that_was_told(sandbox: Sandbox) -> None:
    sandbox.behave("fcm", stage="token", error="invalid_grant")
    path = sandbox.environment["FIREBASE_CREDENTIALS_PATH"]
    credentials = service_account.Credentials.from_service_account_file(path, scopes=[FIREBASE_SCOPE])
    with pytest.raises(RefreshError, match="Invalid JWT Signature"):
        credentials.refresh(Request())
