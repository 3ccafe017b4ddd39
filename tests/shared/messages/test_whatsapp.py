"""What a WhatsApp message may be, as callers give it and as workers read it."""

from typing import Any

import pytest
from marshmallow import ValidationError

from shared.messages.content import dump_content, load_content, read_content
from shared.messages.whatsapp import WhatsAppContent

SID = "HX" + "0" * 32


@pytest.mark.parametrize(
    "given",
    [
        {"body": "Hello"},
        {"body": "Hello", "media_url": "https://example.com/a.png"},
        {"content_sid": SID},
        {"content_sid": SID, "variables": {"1": "Ada", "name": "Grace"}},
    ],
)
def test_a_text_or_an_approved_template(given: dict[str, Any]) -> None:
    assert load_content("whatsapp", given) == WhatsAppContent(**given)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "body"),
        ({"body": ""}, "body"),
        ({"body": "a" * 1601}, "body"),
        ({"body": "Hello", "variables": {"1": "Ada"}}, "variables"),
        ({"content_sid": "MG" + "0" * 32}, "content_sid"),
        ({"content_sid": SID, "variables": {"1": ""}}, "variables"),
        ({"content_sid": SID, "media_url": "https://example.com/a.png"}, "media_url"),
        ({"body": "Hello", "media_url": "http://example.com/a.png"}, "media_url"),
        ({"body": "Hello", "template": "booking_confirmation"}, "template"),
    ],
)
def test_what_callers_cannot_send_is_refused_by_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        load_content("whatsapp", given)
    assert list(caught.value.messages_dict) == [field]


def test_what_a_template_made_is_read_as_it_was_written() -> None:
    made = WhatsAppContent("Hello Ada", variables={"1": "Ada"}, template="welcome")
    assert read_content("whatsapp", dump_content("whatsapp", made) | {"of a later version": 1}) == made
