"""What a push may weigh, and which lanes wake a device."""

from uuid import uuid4

import pytest

from services.push.compose import MAX_PAYLOAD_BYTES, compose, payload_size
from shared.errors import Rejected
from shared.messages.push import PushContent, PushMessage

ID = uuid4()


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
