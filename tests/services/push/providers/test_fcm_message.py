"""The payload FCM gets, platform by platform."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from services.push.providers.fcm_message import fcm_message
from shared.errors import Rejected
from shared.messages.push import AndroidOptions, IosOptions, PushContent, PushMessage

ID = UUID("0198c0de-0000-7000-8000-000000000001")
NOW = 1_800_000_000.9
PUSH = PushMessage(ID, "token-1", PushContent("Title", "Body"))


def built(message: PushMessage = PUSH, **content: Any) -> dict[str, Any]:
    body = fcm_message(replace(message, content=replace(message.content, **content)), NOW)
    inner: dict[str, Any] = body["message"]
    return inner


def test_the_least_there_is() -> None:
    assert built() == {
        "token": "token-1",
        "notification": {"title": "Title", "body": "Body"},
        "data": {"crier_id": str(ID)},
        "android": {"priority": "HIGH"},
        "apns": {"headers": {"apns-priority": "10"}, "payload": {"aps": {}}},
        "webpush": {"headers": {"Urgency": "high"}},
    }


def test_a_time_to_live_reaches_every_platform_in_its_own_form() -> None:
    message = built(replace(PUSH, ttl=90.7))
    assert message["android"]["ttl"] == "90s"
    assert message["apns"]["headers"]["apns-expiration"] == "1800000090"
    assert message["webpush"]["headers"]["TTL"] == "90"


@pytest.mark.parametrize(("ttl", "sent"), [(0.4, "0s"), (-3.0, "0s"), (1e9, "2419200s")])
def test_a_time_to_live_stays_within_what_fcm_takes(ttl: float, sent: str) -> None:
    assert built(replace(PUSH, ttl=ttl))["android"]["ttl"] == sent


def test_what_is_not_urgent_does_not_wake_a_device() -> None:
    message = built(replace(PUSH, urgent=False))
    assert message["android"]["priority"] == "NORMAL"
    assert message["apns"]["headers"]["apns-priority"] == "5"
    assert message["webpush"]["headers"]["Urgency"] == "normal"


def test_a_link_is_in_the_data_and_for_browsers_only_if_it_is_https() -> None:
    web, app = built(link="https://example.com/b/7"), built(link="myapp://b/7")
    assert web["data"] == {"crier_id": str(ID), "link": "https://example.com/b/7"}
    assert web["webpush"]["fcm_options"] == {"link": "https://example.com/b/7"}
    assert app["data"]["link"] == "myapp://b/7"
    assert "fcm_options" not in app["webpush"]
    assert "notification" not in web["android"]


def test_image_badge_and_collapse_key() -> None:
    message = built(image="https://example.com/i.png", badge=0, collapse_key="score")
    assert message["notification"]["image"] == "https://example.com/i.png"
    assert message["apns"]["payload"] == {"aps": {"badge": 0, "mutable-content": 1}}
    assert message["apns"]["headers"]["apns-collapse-id"] == message["android"]["collapse_key"] == "score"


@pytest.mark.parametrize("key", ["from", "gcm", "message_type", "google.c.a.e", "gcm.notification.title", "crier_id"])
def test_reserved_keys_are_refused_by_name(key: str) -> None:
    with pytest.raises(Rejected, match=f"data.{key}"):
        built(data={key: "x"})


@pytest.mark.parametrize("key", ["sender_from", "fromage", "gcm_id", "link"])
def test_other_keys_are_sent(key: str) -> None:
    assert built(data={key: "x"})["data"][key] == "x"


def test_two_different_links_are_refused() -> None:
    with pytest.raises(Rejected, match=r"data\.link"):
        built(link="https://example.com", data={"link": "https://example.org"})


def test_a_collapse_key_too_long_for_apns_is_refused() -> None:
    with pytest.raises(Rejected, match="64 bytes"):
        built(collapse_key="é" * 33)


def test_an_icon_goes_to_android_by_name_and_to_browsers_by_address() -> None:
    named, addressed = built(icon="ic_bell"), built(icon="https://example.com/bell.png")
    assert named["android"]["notification"] == {"icon": "ic_bell"}
    assert "notification" not in named["webpush"]
    assert addressed["webpush"]["notification"] == {"icon": "https://example.com/bell.png"}
    assert "notification" not in addressed["android"]


@pytest.mark.parametrize(("sound", "android"), [("default", "default"), ("chime.caf", "chime"), ("chime", "chime")])
def test_a_sound_is_a_file_to_apple_and_a_resource_to_android(sound: str, android: str) -> None:
    message = built(sound=sound)
    assert message["apns"]["payload"]["aps"] == {"sound": sound}
    assert message["android"]["notification"] == {"sound": android}


def test_what_only_android_shows() -> None:
    message = built(android=AndroidOptions(channel_id="trips", color="#1f6feb"))
    assert message["android"]["notification"] == {"channel_id": "trips", "color": "#1f6feb"}
    assert message["apns"]["payload"] == {"aps": {}}


def test_what_only_apples_systems_show() -> None:
    options = IosOptions(subtitle="Line 12", category="TRIP", thread_id="trip-42", interruption_level="time-sensitive")
    message = built(ios=options)
    assert message["apns"]["payload"]["aps"] == {
        "alert": {"title": "Title", "subtitle": "Line 12", "body": "Body"},
        "category": "TRIP",
        "thread-id": "trip-42",
        "interruption-level": "time-sensitive",
    }
    assert "notification" not in message["android"]


def test_a_critical_alert_has_a_critical_sound() -> None:
    aps = built(sound="alarm.caf", ios=IosOptions(interruption_level="critical"))["apns"]["payload"]["aps"]
    assert aps == {
        "sound": {"critical": 1, "name": "alarm.caf", "volume": 1.0},
        "interruption-level": "critical",
    }


def test_a_topic_takes_the_place_of_the_token() -> None:
    message = built(replace(PUSH, token="/topics/line-12"))
    assert message["topic"] == "line-12"
    assert "token" not in message


def test_a_topic_takes_half_of_what_a_device_does() -> None:
    large = replace(PUSH, token="/topics/line-12", content=PushContent("Title", "x" * 1990))
    with pytest.raises(Rejected, match="one to a topic may have 2048"):
        built(large)
    assert built(replace(large, token="token-1"))["token"] == "token-1"


def test_another_vendors_token_is_refused_here_lest_it_be_forgotten() -> None:
    with pytest.raises(Rejected) as caught:
        built(replace(PUSH, token=str(ID)))
    assert (caught.value.code, caught.value.target_is_dead) == ("target", False)
