"""The length policy of SMS."""

from uuid import uuid4

import pytest

from services.sms.compose import compose
from shared.errors import Rejected
from shared.messages.segments import measure
from shared.messages.sms import SmsContent, SmsMessage

ID = uuid4()


def composed(body: str, *, length: str = "reject", max_segments: int = 3) -> SmsMessage:
    return compose(
        SmsContent(body),
        delivery_id=ID,
        target="+447911123456",
        expires_in=90.5,
        length=length,
        max_segments=max_segments,
    )


def test_a_text_that_fits_is_sent_as_it_is() -> None:
    body = "a" * 459
    assert composed(body) == SmsMessage(ID, "+447911123456", SmsContent(body), validity=90.5)


def test_a_longer_text_is_refused_and_told_why() -> None:
    with pytest.raises(Rejected, match=r"4 SMS \(460 units of GSM-7\); CRIER_SMS_MAX_SEGMENTS allows 3"):
        composed("a" * 460)


def test_one_character_outside_gsm_7_counts_for_all_of_it() -> None:
    with pytest.raises(Rejected, match="UCS-2"):
        composed("🎉" + "a" * 200)


def test_truncate_cuts_to_what_is_allowed() -> None:
    cut = composed("a" * 500, length="truncate", max_segments=2).content.body
    assert cut == "a" * 303 + "..."
    assert measure(cut).segments == 2


def test_truncate_leaves_a_text_that_fits_alone() -> None:
    assert composed("short", length="truncate").content.body == "short"


def test_allow_sends_any_length() -> None:
    assert composed("a" * 1600, length="allow").content.body == "a" * 1600


@pytest.mark.parametrize("body", ["", " \n "])
def test_an_empty_text_is_refused(body: str) -> None:
    with pytest.raises(Rejected, match="empty"):
        composed(body, length="allow")
