"""What only OneSignal has: refusals with a 200, keys that are remembered, segments."""

import asyncio
import json
from uuid import uuid4

import pytest

from crier.sandbox import Entry, Sandbox
from services.push.providers.onesignal import OneSignal, OneSignalSettings
from shared.errors import Ambiguous, Rejected, SendError, SettingsError, Unavailable
from shared.messages.push import AndroidOptions, IosOptions, PushContent, PushMessage
from shared.providers.port import Sent
from shared.settings import load_one

SUBSCRIPTION = "1dd608f2-c6a1-4e3a-851d-000c2940e62c"
MAGIC = "00000000-0000-4000-8000-000000000"


def send(sandbox: Sandbox, *messages: PushMessage) -> list[Sent]:
    async def main() -> list[Sent]:
        provider = OneSignal(load_one(OneSignalSettings, sandbox.environment))
        try:
            return [await provider.send(message) for message in messages]
        finally:
            await provider.close()

    return asyncio.run(main())


def push(token: str = SUBSCRIPTION) -> PushMessage:
    return PushMessage(uuid4(), token, PushContent("Title", "Body"))


def failure(sandbox: Sandbox, message: PushMessage) -> SendError:
    with pytest.raises(SendError) as caught:
        send(sandbox, message)
    return caught.value


def taken(sandbox: Sandbox) -> list[Entry]:
    return [entry for entry in sandbox.calls("onesignal") if entry.accepted]


def test_a_push_with_everything_is_one_onesignal_takes(sandbox: Sandbox) -> None:
    content = PushContent(
        "Title", "Body", image="https://example.com/i.png", icon="https://example.com/bell.png", link="myapp://b/7",
        data={"trip": "42"}, badge=3, sound="chime.caf", collapse_key="trip-42", priority="high",
        android=AndroidOptions("trips", "#1f6feb"), ios=IosOptions("Line 12", "TRIP", "trip-42", "time-sensitive"),
    )  # fmt: skip
    [sent] = send(sandbox, PushMessage(uuid4(), SUBSCRIPTION, content, ttl=60.0))
    assert [entry.reference for entry in taken(sandbox)] == [sent.reference]


def test_a_repetition_is_answered_as_the_first_and_says_so(sandbox: Sandbox) -> None:
    message = push()
    first, second = send(sandbox, message, message)
    assert first.reference == second.reference
    assert (first.detail, second.detail) == ("", "Taken at an earlier try.")
    assert len(taken(sandbox)) == 1


def test_other_deliveries_have_other_keys(sandbox: Sandbox) -> None:
    assert len({sent.reference for sent in send(sandbox, push(), push())}) == 2


def test_a_segment_gets_the_push(sandbox: Sandbox) -> None:
    send(sandbox, push("/topics/line-12"))
    assert [entry.recipient for entry in taken(sandbox)] == ["/segments/line-12"]


@pytest.mark.parametrize("code", ["410", "411"])
def test_a_subscription_nobody_is_subscribed_with_is_dead(sandbox: Sandbox, code: str) -> None:
    error = failure(sandbox, push(MAGIC + code))
    assert isinstance(error, Rejected)
    assert error.target_is_dead


def test_a_segment_without_anybody_is_refused_and_nothing_dies(sandbox: Sandbox) -> None:
    error = failure(sandbox, push("/topics/nobody"))
    assert isinstance(error, Rejected)
    assert not error.target_is_dead
    assert error.reason == "All included players are not subscribed"


def test_a_subscription_that_left_since_the_message_was_taken_is_dead(sandbox: Sandbox) -> None:
    """An id, and the one subscription among those it could not be sent to."""
    answer = {"id": str(uuid4()), "errors": {"invalid_player_ids": [SUBSCRIPTION]}}
    sandbox.behave("onesignal", status=200, body=json.dumps(answer))
    error = failure(sandbox, push())
    assert isinstance(error, Rejected)
    assert error.target_is_dead


def test_other_reasons_for_sending_nothing_do_not_kill_the_subscription(sandbox: Sandbox) -> None:
    sandbox.behave("onesignal", status=200, body=json.dumps({"id": "", "errors": ["Something else"]}))
    error = failure(sandbox, push())
    assert isinstance(error, Rejected)
    assert not error.target_is_dead
    assert error.reason == "Something else"


@pytest.mark.parametrize(
    "body", ["", "[]", '{"id": ""}', '{"id": null, "errors": null}', '{"id": 7}', '{"id": "", "errors": []}']
)
def test_a_200_that_says_nothing_is_a_doubt(sandbox: Sandbox, body: str) -> None:
    sandbox.behave("onesignal", status=200, body=body)
    assert isinstance(failure(sandbox, push()), Ambiguous)


def test_a_refusal_is_told_in_onesignals_words(sandbox: Sandbox) -> None:
    sandbox.behave("onesignal", status=400, body=json.dumps({"errors": ["One thing.", {"title": "Another"}]}))
    assert failure(sandbox, push()).reason == "One thing. Another"


def test_an_app_that_is_not_there_is_the_accounts_fault(sandbox: Sandbox) -> None:
    sandbox.behave("onesignal", error="not-found")
    error = failure(sandbox, push())
    assert isinstance(error, Unavailable)
    assert error.provider_fault


def test_another_vendors_token_calls_nobody(sandbox: Sandbox) -> None:
    assert isinstance(failure(sandbox, push("cxsvc9gzo6U:APA91bEH6MEB")), Rejected)
    assert list(sandbox.calls("onesignal")) == []


def test_an_app_id_that_is_none_is_told_at_the_start(sandbox: Sandbox) -> None:
    with pytest.raises(SettingsError, match="ONESIGNAL_APP_ID must be a UUID"):
        load_one(OneSignalSettings, sandbox.environment | {"ONESIGNAL_APP_ID": "my-app"})


def test_a_service_that_is_too_busy_is_asked_again_when_it_says(sandbox: Sandbox) -> None:
    sandbox.behave("onesignal", error="unavailable", retry_after=30)
    error = failure(sandbox, push())
    assert isinstance(error, Unavailable)
    assert error.retry_after == 30
