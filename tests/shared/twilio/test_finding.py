"""What Twilio's list says of a message that may or may not be in it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.providers.port import Found, LookUp
from shared.twilio.finding import found

ASKED = datetime(2027, 3, 1, 12, 0, 0, 700_000, tzinfo=UTC)
CREATED = datetime(2027, 3, 1, 12, 0, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Listed:
    """A message as the package shows it."""

    sid: str = "SM1"
    body: str | None = "Hello"
    status: str = "delivered"
    direction: str = "outbound-api"
    date_created: datetime | None = CREATED
    error_code: int | None = None


LISTED = Listed()


def look(*listed: Listed, words: str | None = "Hello", all_listed: bool = True) -> LookUp:
    return found(listed, words, ASKED, all_listed=all_listed)


def later(seconds: float) -> Listed:
    return replace(LISTED, sid=f"SM{seconds}", date_created=ASKED + timedelta(seconds=seconds))


@pytest.mark.parametrize("status", ["accepted", "queued", "sending", "sent", "delivered", "undelivered"])
def test_one_message_with_the_words_is_it(status: str) -> None:
    assert look(replace(LISTED, status=status)) == LookUp(Found.SENT, "SM1", f"Twilio has it: {status}.")


def test_it_is_it_on_any_page() -> None:
    assert look(LISTED, all_listed=False).found is Found.SENT


def test_a_trial_accounts_preface_is_not_ours() -> None:
    assert look(replace(LISTED, body="Sent from your Twilio trial account - Hello")).found is Found.SENT


def test_two_with_the_same_words_are_told_apart_by_nothing() -> None:
    assert look(LISTED, later(2)).found is Found.UNCLEAR


@pytest.mark.parametrize("seconds", [-61, 121, -86_400])
def test_the_same_words_at_another_time_are_another_message(seconds: float) -> None:
    assert look(later(seconds)).found is Found.ABSENT
    assert look(later(seconds), LISTED).reference == "SM1"


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_what_twilio_could_not_send_may_be_sent_again(status: str) -> None:
    said = look(replace(LISTED, status=status, error_code=30002))
    assert (said.found, said.reference) == (Found.ABSENT, None)
    assert f"{status} with 30002" in said.detail


def test_other_words_at_that_time_may_be_ours_rewritten() -> None:
    assert look(replace(LISTED, body="Hello!")).found is Found.UNCLEAR
    assert look(replace(LISTED, body=None)).found is Found.UNCLEAR


def test_words_that_only_twilio_knows_are_not_guessed() -> None:
    assert look(LISTED, words=None).found is Found.UNCLEAR
    assert look(words=None).found is Found.ABSENT


def test_what_the_recipient_wrote_does_not_count() -> None:
    assert look(replace(LISTED, direction="inbound")).found is Found.ABSENT


def test_an_absence_on_one_page_of_several_is_none() -> None:
    assert look(all_listed=False).found is Found.UNCLEAR
