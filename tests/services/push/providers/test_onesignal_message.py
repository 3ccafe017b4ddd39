"""The payload OneSignal gets."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from services.push.providers.onesignal_message import onesignal_message
from shared.errors import Rejected
from shared.messages.push import AndroidOptions, IosOptions, PushContent, PushMessage

ID = UUID("0198c0de-0000-7000-8000-000000000001")
APP = "8250eaf6-1a58-489e-b136-7c74a864b434"
SUBSCRIPTION = "1dd608f2-c6a1-4e3a-851d-000c2940e62c"
PUSH = PushMessage(ID, SUBSCRIPTION, PushContent("Title", "Body"))


def built(message: PushMessage = PUSH, **content: Any) -> dict[str, Any]:
    return onesignal_message(replace(message, content=replace(message.content, **content)), APP)


def test_the_least_there_is() -> None:
    assert built() == {
        "app_id": APP,
        "include_subscription_ids": [SUBSCRIPTION],
        "name": str(ID),
        "idempotency_key": str(ID),
        "headings": {"en": "Title"},
        "contents": {"en": "Body"},
        "data": {"crier_id": str(ID)},
        "priority": 10,
    }


def test_everything_there_is() -> None:
    message = PushMessage(
        ID, SUBSCRIPTION,
        PushContent(
            "Title", "Body", image="https://example.com/i.png", icon="ic_bell", link="https://example.com/b/7",
            data={"trip": "42"}, badge=0, sound="chime.caf", collapse_key="trip-42",
            android=AndroidOptions("trips", "#1f6feb"),
            ios=IosOptions("Line 12", "TRIP", "trip-42", "time-sensitive"),
        ),
        ttl=90.7, urgent=False,
    )  # fmt: skip
    assert built(message) == built() | {
        "data": {"trip": "42", "crier_id": str(ID)},
        "priority": 5,
        "ttl": 90,
        "collapse_id": "trip-42",
        "url": "https://example.com/b/7",
        "big_picture": "https://example.com/i.png",
        "ios_attachments": {"image": "https://example.com/i.png"},
        "chrome_web_image": "https://example.com/i.png",
        "small_icon": "ic_bell",
        "existing_android_channel_id": "trips",
        "android_accent_color": "FF1F6FEB",
        "subtitle": {"en": "Line 12"},
        "ios_category": "TRIP",
        "thread_id": "trip-42",
        "ios_interruption_level": "time_sensitive",
        "ios_sound": "chime.caf",
        "ios_badgeType": "SetTo",
        "ios_badgeCount": 0,
    }


def test_a_topic_is_a_segment() -> None:
    message = built(replace(PUSH, token="/topics/line-12"))
    assert (message["included_segments"], message["target_channel"]) == (["line-12"], "push")
    assert message["name"] == f"segment/{ID}"
    assert "include_subscription_ids" not in message


@pytest.mark.parametrize("token", ["cxsvc9gzo6U:APA91bEH6MEB", "1dd608f2", SUBSCRIPTION + "0", "g" + SUBSCRIPTION[1:]])
def test_a_token_of_another_vendor_is_refused_and_said_to_be_one(token: str) -> None:
    with pytest.raises(Rejected, match=r"not a OneSignal subscription id .* such as FCM's") as caught:
        built(replace(PUSH, token=token))
    assert not caught.value.target_is_dead


def test_an_address_is_an_icon_for_browsers() -> None:
    message = built(icon="https://example.com/bell.png")
    assert message["chrome_web_icon"] == "https://example.com/bell.png"
    assert "small_icon" not in message


def test_the_default_sound_needs_no_name() -> None:
    assert "ios_sound" not in built(sound="default")


def test_a_link_of_the_apps_own_opens_the_app() -> None:
    message = built(link="myapp://b/7")
    assert message["app_url"] == "myapp://b/7"
    assert "url" not in message


@pytest.mark.parametrize("link", ["http://example.com", "/b/7", "example.com", "myapp:"])
def test_what_onesignal_cannot_open_is_refused(link: str) -> None:
    with pytest.raises(Rejected, match="link must be"):
        built(link=link)


@pytest.mark.parametrize(("ttl", "sent"), [(0.4, 0), (-3.0, 0), (1e9, 2_419_200)])
def test_a_time_to_live_stays_within_what_onesignal_takes(ttl: float, sent: int) -> None:
    assert built(replace(PUSH, ttl=ttl))["ttl"] == sent


def test_our_key_in_the_data_is_reserved() -> None:
    with pytest.raises(Rejected, match=r"data\.crier_id"):
        built(data={"crier_id": "x"})


def test_two_kilobytes_of_data_are_sent_and_a_byte_more_is_not() -> None:
    room = 2048 - len(f'{{"a":"","crier_id":"{ID}"}}')
    assert built(data={"a": "x" * room})["data"]["a"] == "x" * room
    with pytest.raises(Rejected, match="data has 2049 bytes"):
        built(data={"a": "x" * (room + 1)})


def test_a_collapse_key_too_long_for_apple_is_refused() -> None:
    with pytest.raises(Rejected, match="64 bytes"):
        built(collapse_key="é" * 33)
