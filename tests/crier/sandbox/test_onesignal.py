"""The OneSignal stand-in, called as the reference describes."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import requests

from crier.sandbox import Sandbox
from tests.crier.sandbox.clients import DELIVERY, only_call

Send = Callable[..., requests.Response]
SUBSCRIPTION = "1dd608f2-c6a1-4e3a-851d-000c2940e62c"
MAGIC = "00000000-0000-4000-8000-000000000"


@pytest.fixture
def send(sandbox: Sandbox) -> Send:
    settings = sandbox.environment

    def send(*, key: str = settings["ONESIGNAL_API_KEY"], **fields: Any) -> requests.Response:
        least = {
            "app_id": settings["ONESIGNAL_APP_ID"],
            "include_subscription_ids": [SUBSCRIPTION],
            "contents": {"en": "Body"},
        }
        body = {name: value for name, value in {**least, **fields}.items() if value is not None}
        url = f"{settings['ONESIGNAL_BASE_URL']}/notifications"
        return requests.post(url, json=body, headers={"Authorization": f"Key {key}"}, timeout=10)

    return send


def test_a_message_with_every_kind_of_option_is_taken(sandbox: Sandbox, send: Send) -> None:
    response = send(
        headings={"en": "Title", "de": "Titel"}, contents={"en": "Body", "de": "Text"}, subtitle={"en": "s", "de": "s"},
        data={"a": 1}, url="https://example.com", big_picture="https://example.com/i.png", large_icon="ic_large",
        ios_attachments={"id": "https://example.com/i.png"}, chrome_web_image="https://example.com/i.png",
        small_icon="ic_bell", priority=5, ttl=0, collapse_id="x", ios_badgeType="SetTo", ios_badgeCount=0,
        ios_interruption_level="time_sensitive", ios_relevance_score=0.5, android_accent_color="FFFF0000",
        existing_android_channel_id="trips", isIos=True, idempotency_key=DELIVERY,
    )  # fmt: skip
    assert response.status_code == 200
    assert response.json()["external_id"] == DELIVERY
    entry = only_call(sandbox, "onesignal")
    assert (entry.accepted, entry.recipient, entry.delivery) == (True, SUBSCRIPTION, DELIVERY)
    assert entry.reference == response.json()["id"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"include_subscription_ids": None}, "You must include which players, segments, or tags"),
        ({"include_subscription_ids": ["x"]}, 'Incorrect subscription_id format .*: \\["x"\\]'),
        ({"included_segments": ["All"]}, "only use one method of targeting"),
        ({"contents": None}, "must have English language content"),
        ({"contents": {"de": "Text"}}, "must have English language content"),
        ({"headings": {"de": "Titel"}}, "headings must have the languages of contents"),
        ({"contents": {"en": 7}}, "contents must have a text"),
        ({"app_id": "x"}, "Failed to parse app_id"),
        ({"app_id": None}, "Failed to parse app_id"),
        ({"idempotency_key": "x"}, "idempotency_key"),
        ({"priority": "high"}, "priority"), ({"priority": 7}, "priority"), ({"ttl": "60"}, "ttl"),
        ({"ttl": -1}, "ttl"), ({"ttl": 2_419_201}, "ttl"), ({"collapse_id": "x" * 65}, "collapse_id"),
        ({"ios_interruption_level": "time-sensitive"}, "ios_interruption_level"),
        ({"ios_badgeType": "Set"}, "ios_badgeType"), ({"ios_badgeCount": 3}, "needs ios_badgeType"),
        ({"ios_badgeType": "SetTo", "ios_badgeCount": "3"}, "ios_badgeCount"),
        ({"android_accent_color": "#1f6feb"}, "android_accent_color"), ({"url": "myapp://b"}, "url"),
        ({"app_url": "/b"}, "app_url"), ({"chrome_web_icon": "ic_bell"}, "chrome_web_icon"),
        ({"small_icon": "https://example.com/i.png"}, "small_icon"), ({"data": {"a": "x" * 2048}}, "2048 bytes"),
        ({"data": "x"}, "data"), ({"ios_badge_count": 3}, "ios_badge_count is not a parameter"),
    ],
)  # fmt: skip
def test_what_onesignal_refuses_is_refused(sandbox: Sandbox, send: Send, fields: dict[str, Any], words: str) -> None:
    response = send(**fields)
    assert response.status_code == 400
    assert re.search(words, "\n".join(response.json()["errors"]))
    assert not only_call(sandbox, "onesignal").accepted


@pytest.mark.parametrize("fields", [{"key": "wrong"}, {"key": ""}, {"app_id": str(uuid4())}])
def test_another_key_or_app_is_denied(sandbox: Sandbox, send: Send, fields: dict[str, Any]) -> None:
    response = send(include_subscription_ids=[MAGIC + "500"], **fields)
    assert (response.status_code, response.json()["errors"][0][:14]) == (403, "Access denied.")
    assert not only_call(sandbox, "onesignal").accepted


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null"])
def test_what_is_no_message_is_refused(sandbox: Sandbox, body: bytes) -> None:
    url = f"{sandbox.environment['ONESIGNAL_BASE_URL']}/notifications"
    assert requests.post(url, data=body, timeout=10).status_code == 400


def test_a_key_delivers_once(sandbox: Sandbox, send: Send) -> None:
    first, second, other = (send(idempotency_key=key) for key in (DELIVERY, DELIVERY, str(uuid4())))
    assert first.json() == second.json() != other.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert [entry.accepted for entry in sandbox.calls("onesignal")] == [True, False, True]


def test_a_refused_call_uses_no_key_up(send: Send) -> None:
    assert send(idempotency_key=DELIVERY, ttl=-1).status_code == 400
    assert "Idempotent-Replayed" not in send(idempotency_key=DELIVERY).headers


def test_without_a_key_everything_is_delivered(sandbox: Sandbox, send: Send) -> None:
    assert send().json()["id"] != send().json()["id"]
    assert [entry.accepted for entry in sandbox.calls("onesignal")] == [True, True]


@pytest.mark.parametrize(
    ("code", "status", "errors"),
    [
        ("410", 200, ["All included players are not subscribed"]),
        ("411", 200, {"invalid_player_ids": [MAGIC + "411"]}),
        ("429", 429, ["API rate limit exceeded."]),
        ("500", 500, ["Internal server error"]),
        ("503", 503, ["Service temporarily unavailable"]),
    ],
)
def test_magic_subscriptions(sandbox: Sandbox, send: Send, code: str, status: int, errors: Any) -> None:
    response = send(include_subscription_ids=[MAGIC + code])
    assert (response.status_code, response.json()["errors"]) == (status, errors)
    assert response.json().get("id", "") == ""
    assert response.headers.get("Retry-After") == ("30" if code == "429" else None)
    assert not only_call(sandbox, "onesignal").accepted


def test_a_dropped_call_was_taken(sandbox: Sandbox, send: Send) -> None:
    with pytest.raises(requests.ConnectionError):
        send(include_subscription_ids=[MAGIC + "444"])
    assert only_call(sandbox, "onesignal").accepted


def test_a_segment_has_somebody_in_it_unless_it_is_nobody(sandbox: Sandbox, send: Send) -> None:
    full, empty = (send(include_subscription_ids=None, included_segments=[name]) for name in ("line-12", "nobody"))
    assert full.json()["id"]
    assert empty.json() == {"id": "", "errors": ["All included players are not subscribed"]}
    assert [entry.recipient for entry in sandbox.calls("onesignal")] == ["/segments/line-12", "/segments/nobody"]


def test_people_see_the_notification(sandbox: Sandbox, send: Send) -> None:
    send(headings={"en": "Title"}, big_picture="https://example.com/i.png", thread_id="trip-42")
    shown = sandbox.vendors["onesignal"].preview(only_call(sandbox, "onesignal"))
    assert (shown.title, shown.text, shown.image) == ("Title", "Body", "https://example.com/i.png")
    assert ("thread_id", "trip-42") in shown.facts
