"""What a push may weigh, how long it is worth something, and what wakes a device."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from services.push.compose import MAX_PAYLOAD_BYTES, compose, payload_size
from shared.errors import Rejected
from shared.messages.push import AndroidOptions, IosOptions, PushContent, PushMessage

ID = uuid4()
LONG = "x" * 200


def composed(content: PushContent, lane: str = "normal") -> PushMessage:
    return compose(content, delivery_id=ID, target="token-1", expires_in=60.0, lane=lane)


def of_size(size: int) -> PushContent:
    empty = payload_size(PushContent("t", ""), ID)
    return PushContent("t", "x" * (size - empty))


@pytest.mark.parametrize(("lane", "urgent"), [("critical", True), ("normal", True), ("bulk", False)])
def test_bulk_does_not_wake_a_device(lane: str, urgent: bool) -> None:
    content = PushContent("Title", "Body")
    assert composed(content, lane) == PushMessage(ID, "token-1", content, ttl=60.0, urgent=urgent)


def test_the_largest_push_is_sent() -> None:
    assert composed(of_size(MAX_PAYLOAD_BYTES)).content == of_size(MAX_PAYLOAD_BYTES)


def test_one_byte_more_is_refused_and_told_how_large_it_is() -> None:
    with pytest.raises(Rejected, match=r"has 4097 bytes.*4096 together"):
        composed(of_size(MAX_PAYLOAD_BYTES + 1))


def test_data_and_characters_count_by_their_bytes() -> None:
    with pytest.raises(Rejected):
        composed(PushContent("t", "b", data={"key": "漢" * 1400}))


@pytest.mark.parametrize(
    "part",
    [
        {"image": "https://example.com/" + LONG}, {"icon": LONG}, {"link": LONG}, {"sound": LONG}, {"badge": 7},
        {"android": AndroidOptions(channel_id=LONG)}, {"ios": IosOptions(subtitle=LONG)},
        {"ios": IosOptions(category=LONG)}, {"ios": IosOptions(thread_id=LONG)},
        {"ios": IosOptions(interruption_level="time-sensitive")},
    ],
    ids=lambda part: next(iter(part)),
)  # fmt: skip
def test_every_part_counts(part: dict[str, Any]) -> None:
    plain = PushContent("t", "b")
    assert payload_size(replace(plain, **part), ID) > payload_size(plain, ID)


@pytest.mark.parametrize(
    ("priority", "lane", "urgent"),
    [("high", "bulk", True), ("high", "normal", True), ("normal", "critical", False), (None, "bulk", False)],
)
def test_a_priority_of_its_own_wins_over_the_lane(priority: str | None, lane: str, urgent: bool) -> None:
    assert composed(PushContent("t", "b", priority=priority), lane).urgent is urgent


@pytest.mark.parametrize(
    ("own", "expires_in", "ttl"),
    [(None, None, None), (30, None, 30), (None, 60.0, 60.0), (30, 60.0, 30), (90, 60.0, 60.0), (0, 60.0, 0)],
)
def test_the_shorter_time_to_live_wins(own: int | None, expires_in: float | None, ttl: float | None) -> None:
    content = PushContent("t", "b", ttl=own)
    assert compose(content, delivery_id=ID, target="x", expires_in=expires_in, lane="normal").ttl == ttl


@pytest.mark.parametrize("icon", ["https://example.com/i.png", "ic_stat_bell", "bell2"])
def test_an_icon_is_an_address_or_a_drawable(icon: str) -> None:
    assert composed(PushContent("t", "b", icon=icon)).content.icon == icon


@pytest.mark.parametrize("icon", ["http://example.com/i.png", "data:image/png;base64,xx", "Bell.png", "my icon"])
def test_any_other_icon_is_refused(icon: str) -> None:
    with pytest.raises(Rejected, match="icon: Must be an https address"):
        composed(PushContent("t", "b", icon=icon))
