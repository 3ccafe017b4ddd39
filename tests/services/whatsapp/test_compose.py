"""What a WhatsApp message goes through before it is sent."""

from uuid import uuid4

import pytest

from services.whatsapp.compose import compose
from shared.errors import Rejected
from shared.messages.whatsapp import WhatsAppContent, WhatsAppMessage

ID, NUMBER = uuid4(), "+447400123456"


def composed(content: WhatsAppContent) -> WhatsAppMessage:
    return compose(content, delivery_id=ID, target=NUMBER, expires_in=90.5)


@pytest.mark.parametrize(
    "content",
    [
        WhatsAppContent("Hello"),
        WhatsAppContent("a" * 1600),
        WhatsAppContent(content_sid="HX" + "0" * 32),
        WhatsAppContent("Hello", variables={"1": "Ada"}, template="booking_confirmation"),
    ],
    ids=["text", "as long as it may be", "an approved template", "a template of ours"],
)
def test_what_can_be_sent_goes_on_as_it_is(content: WhatsAppContent) -> None:
    assert composed(content) == WhatsAppMessage(ID, NUMBER, content, validity=90.5)


@pytest.mark.parametrize("body", ["", " \n ", None])
def test_an_empty_text_is_refused(body: str | None) -> None:
    with pytest.raises(Rejected, match="empty"):
        composed(WhatsAppContent(body))


def test_a_text_that_is_too_long_is_refused_and_told_by_how_much() -> None:
    with pytest.raises(Rejected, match="1601 characters; WhatsApp takes 1600"):
        composed(WhatsAppContent("a" * 1601))
