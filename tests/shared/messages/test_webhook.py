"""What a webhook may be, as callers give it and as workers read it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from marshmallow import ValidationError

from shared.messages.content import dump_content, load_content, read_content
from shared.messages.webhook import MAX_DATA, WebhookContent, payload

AT = datetime(2026, 3, 1, 18, 30, 0, 250_000, UTC)


@pytest.mark.parametrize("given", [{"type": "ping"}, {"type": "order.created", "data": {"order": "4711", "n": [1]}}])
def test_a_dotted_name_and_what_there_is_to_say(given: dict[str, Any]) -> None:
    content = load_content("webhook", given)
    assert content == WebhookContent(**given)
    assert dump_content("webhook", content) == given


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "type"),
        ({"type": "order created"}, "type"),
        ({"type": "order..created"}, "type"),
        ({"type": "order.created\n"}, "type"),
        ({"type": "x" * 129}, "type"),
        ({"type": "x", "data": [1]}, "data"),
        ({"type": "x", "data": {"a": "b" * MAX_DATA}}, "data"),
        ({"type": "x", "timestamp": "2026-03-01T18:30:00Z"}, "timestamp"),
        ({"type": "x", "dat": {}}, "dat"),
    ],
)
def test_anything_else_is_refused_by_its_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        load_content("webhook", given)
    assert list(caught.value.normalized_messages()) == [field]


def test_the_body_is_that_of_standard_webhooks_and_the_same_every_time() -> None:
    content = read_content("webhook", {"type": "order.created", "data": {"b": 1, "a": "ü"}, "later": True})
    assert isinstance(content, WebhookContent)
    expected = '{"type":"order.created","timestamp":"2026-03-01T18:30:00.250000Z","data":{"b":1,"a":"ü"}}'
    assert payload(content, AT) == payload(content, AT) == expected.encode()


def test_an_event_of_our_own_says_when_it_happened() -> None:
    content = read_content("webhook", {"type": "notification.sent", "timestamp": "2026-03-01T18:00:00+00:00"})
    assert isinstance(content, WebhookContent)
    assert b'"timestamp":"2026-03-01T18:00:00+00:00","data":{}' in payload(content, AT)
