"""What only FCM has: access tokens, and codes in the details of an error."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from crier.sandbox import Sandbox
from crier.sandbox.fcm import Fcm as StandIn
from services.push.providers.fcm import SCOPE, Fcm, FcmSettings
from services.push.providers.google_token import GoogleToken
from shared.errors import Rejected, Unavailable
from shared.messages.push import AndroidOptions, IosOptions, PushContent, PushMessage
from shared.providers.port import Sent
from shared.settings import load_one

T = TypeVar("T")


def using(sandbox: Sandbox, action: Callable[[Fcm], Awaitable[T]]) -> T:
    async def main() -> T:
        provider = Fcm(load_one(FcmSettings, sandbox.environment))
        try:
            return await action(provider)
        finally:
            await provider.close()

    return asyncio.run(main())


def push(token: str = "device-1") -> PushMessage:
    return PushMessage(uuid4(), token, PushContent("Title", "Body"))


def actions(sandbox: Sandbox) -> list[str]:
    return [entry.action for entry in sandbox.calls("fcm")]


def account(sandbox: Sandbox) -> dict[str, str]:
    key: dict[str, str] = json.loads(Path(sandbox.environment["FIREBASE_CREDENTIALS_PATH"]).read_bytes())
    return key


def stand_in(sandbox: Sandbox) -> StandIn:
    vendor = sandbox.vendors["fcm"]
    assert isinstance(vendor, StandIn)
    return vendor


def refused(token: GoogleToken) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        asyncio.run(token.get())
    return caught.value


def test_one_access_token_serves_everybody(sandbox: Sandbox) -> None:
    async def fifty(provider: Fcm) -> list[Sent]:
        return await asyncio.gather(*(provider.send(push()) for _ in range(50)))

    assert len(using(sandbox, fifty)) == 50
    assert sorted(actions(sandbox)) == ["send"] * 50 + ["token"]


def test_a_token_that_was_taken_back_is_replaced_once_for_everybody(sandbox: Sandbox) -> None:
    async def taken_back(provider: Fcm) -> list[Sent]:
        await provider.send(push())
        stand_in(sandbox).tokens.revoke()
        return await asyncio.gather(*(provider.send(push()) for _ in range(10)))

    assert len(using(sandbox, taken_back)) == 10
    assert actions(sandbox).count("token") == 2


def test_an_account_that_stays_refused_is_at_fault_after_one_new_token(sandbox: Sandbox) -> None:
    sandbox.behave("fcm", error="UNAUTHENTICATED")
    with pytest.raises(Unavailable) as caught:
        using(sandbox, lambda provider: provider.send(push()))
    assert caught.value.provider_fault
    assert actions(sandbox) == ["token", "send", "token", "send"]


def test_apples_refusal_of_our_certificate_asks_for_no_new_token(sandbox: Sandbox) -> None:
    sandbox.behave("fcm", error="THIRD_PARTY_AUTH_ERROR")
    with pytest.raises(Unavailable) as caught:
        using(sandbox, lambda provider: provider.send(push()))
    assert caught.value.provider_fault
    assert actions(sandbox) == ["token", "send"]


@pytest.mark.parametrize("error", ["UNAVAILABLE", "INTERNAL"])
@pytest.mark.parametrize(("asked", "waits"), [(1, 10), (30, 30), (None, None)])
def test_a_server_error_is_repeated_no_sooner_than_in_ten_seconds(
    sandbox: Sandbox, error: str, asked: float | None, waits: float | None
) -> None:
    sandbox.behave("fcm", error=error, **({} if asked is None else {"retry_after": asked}))
    with pytest.raises(Unavailable) as caught:
        using(sandbox, lambda provider: provider.send(push()))
    assert caught.value.retry_after == waits


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_scope", "invalid_client"])
def test_an_account_google_does_not_know_is_at_fault(sandbox: Sandbox, error: str) -> None:
    sandbox.behave("fcm", stage="token", error=error)
    with pytest.raises(Unavailable, match=error) as caught:
        using(sandbox, lambda provider: provider.send(push()))
    assert caught.value.provider_fault
    assert actions(sandbox) == ["token"]


@pytest.mark.parametrize("body", ["<html>sorry</html>", "[]", '{"token_type": "Bearer"}', ""])
def test_an_answer_without_a_token_is_no_token(sandbox: Sandbox, body: str) -> None:
    sandbox.behave("fcm", stage="token", status=200, body=body)
    refused(GoogleToken(account(sandbox), [SCOPE]))


def test_google_not_answering_is_no_doubt_about_the_message(sandbox: Sandbox) -> None:
    sandbox.behave("fcm", stage="token", fault="hang")
    error = refused(GoogleToken(account(sandbox), [SCOPE], patience=0.3))
    assert not error.provider_fault


@pytest.mark.parametrize("token_uri", ["http://127.0.0.1:9/token", "http://nowhere.invalid/token"])
def test_google_not_being_there_is_nobodys_fault(sandbox: Sandbox, token_uri: str) -> None:
    error = refused(GoogleToken(account(sandbox) | {"token_uri": token_uri}, [SCOPE]))
    assert not error.provider_fault


def test_a_token_about_to_expire_is_replaced_while_it_is_still_used(sandbox: Sandbox) -> None:
    short: dict[str, Any] = {"access_token": "short", "expires_in": 100, "token_type": "Bearer"}
    sandbox.behave("fcm", stage="token", status=200, body=json.dumps(short), times=1)

    async def main() -> list[str]:
        token = GoogleToken(account(sandbox), [SCOPE])
        seen = [await token.get(), await token.get()]
        async with asyncio.timeout(10):
            while (latest := await token.get()) == "short":
                await asyncio.sleep(0.01)
        return [*seen, latest, await token.get()]

    first, second, third, fourth = asyncio.run(main())
    assert first == second == "short"
    assert third == fourth
    assert third.startswith("ya29.")
    assert actions(sandbox) == ["token", "token"]


def test_a_push_with_everything_is_one_fcm_takes(sandbox: Sandbox) -> None:
    content = PushContent(
        "Title", "Body", image="https://example.com/i.png", icon="ic_bell", link="https://example.com/b/7",
        data={"trip": "42"}, badge=3, sound="chime.caf", collapse_key="trip-42", ttl=60, priority="high",
        android=AndroidOptions("trips", "#1f6feb"),
        ios=IosOptions("Line 12", "TRIP", "trip-42", "time-sensitive"),
    )  # fmt: skip
    message = PushMessage(uuid4(), "device-1", content, ttl=60.0)
    assert using(sandbox, lambda provider: provider.send(message)).reference
    assert [entry.accepted for entry in sandbox.calls("fcm") if entry.action == "send"] == [True]


def test_a_topic_gets_the_push_and_never_dies(sandbox: Sandbox) -> None:
    using(sandbox, lambda provider: provider.send(push("/topics/line-12")))
    assert [entry.recipient for entry in sandbox.calls("fcm") if entry.accepted] == ["/topics/line-12"]
    sandbox.behave("fcm", error="UNREGISTERED")
    with pytest.raises(Rejected) as caught:
        using(sandbox, lambda provider: provider.send(push("/topics/line-12")))
    assert not caught.value.target_is_dead
