"""Webhooks as they arrive at a receiver that verifies them, and what its answers mean."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from crier.sandbox import Entry, Sandbox
from crier.sandbox.webhook import WebhookReceiver
from services.webhook.sender import Sender, headers_of
from shared.crypto import Sealer, new_key
from shared.errors import Rejected, SendError, Unavailable
from shared.ledger.database import Database
from shared.ledger.endpoints import Endpoint, Endpoints, new_secret
from shared.ledger.failing import Failing
from shared.ledger.keys import Keys
from shared.messages.webhook import WebhookContent, WebhookMessage, payload
from shared.providers.port import Sent, is_idempotent
from shared.settings import load_one
from shared.ssrf import Reach

T = TypeVar("T")
CONTENT = WebhookContent("order.created", {"order": "4711", "note": 'ünïcödé 🎉 \u2028 \\ " </script>'})
PATIENCE = 5 * 86_400.0


@pytest.fixture
def receiver(sandbox: Sandbox) -> WebhookReceiver:
    found = sandbox.vendors["webhook"]
    assert isinstance(found, WebhookReceiver)
    return found


@pytest.fixture
def endpoints(database: Database) -> Endpoints:
    return Endpoints(database, Sealer(new_key()))


@pytest.fixture
def endpoint(endpoints: Endpoints, database: Database, receiver: WebhookReceiver) -> Endpoint:
    """An endpoint at the stand-in, which knows its secret."""
    made, secret = endpoints.create(Keys(database).project("acme"), receiver.url("shop"), ["*"], who="me")
    receiver.learn("shop", secret)
    return made


def message(endpoints: Endpoints, endpoint: Endpoint, **changed: Any) -> WebhookMessage:
    signing = endpoints.signing(endpoint.id, now=datetime.now(UTC))
    assert signing
    return WebhookMessage(
        uuid4(), str(endpoint.id), endpoint.url, CONTENT, payload(CONTENT, datetime.now(UTC)), signing.secrets,
        is_failing=signing.endpoint.failing_since is not None, **changed,
    )  # fmt: skip


def using(endpoints: Endpoints, sandbox: Sandbox, action: Callable[[Sender], Awaitable[T]]) -> T:
    """Do something with a sender that may reach the sandbox."""

    async def main() -> T:
        sender = Sender(Failing(endpoints.database), load_one(Reach, sandbox.environment), patience=PATIENCE)
        try:
            return await action(sender)
        finally:
            await sender.close()

    return asyncio.run(main())


def send(endpoints: Endpoints, sandbox: Sandbox, one: WebhookMessage) -> Sent:
    return using(endpoints, sandbox, lambda sender: sender.send(one))


def failure(endpoints: Endpoints, sandbox: Sandbox, one: WebhookMessage) -> SendError:
    with pytest.raises(SendError) as caught:
        send(endpoints, sandbox, one)
    return caught.value


def received(sandbox: Sandbox) -> list[Entry]:
    return list(sandbox.calls("webhook"))


def body_of(entry: Entry) -> str:
    return str(entry.received["body"])


def test_it_arrives_signed_and_any_success_is_final(endpoints: Endpoints, endpoint: Endpoint, sandbox: Sandbox) -> None:
    one = message(endpoints, endpoint)
    sent = send(endpoints, sandbox, one)
    assert sent == Sent(reference=str(one.delivery_id), detail="HTTP 200", delivered=True)
    [entry] = received(sandbox)
    assert entry.accepted
    assert entry.delivery == str(one.delivery_id)
    assert entry.received["headers"]["content-type"] == "application/json"
    assert body_of(entry).encode() == one.body
    for status in (201, 202, 204):
        sandbox.behave("webhook", status=status, times=1)
        assert send(endpoints, sandbox, one).delivered


def test_a_repetition_is_the_same_but_for_its_time_and_is_taken_once(
    endpoints: Endpoints, endpoint: Endpoint, sandbox: Sandbox
) -> None:
    one = message(endpoints, endpoint)
    sandbox.behave("webhook", fault="reset", times=1)
    lost = failure(endpoints, sandbox, one)
    assert (type(lost), lost.code) == (Unavailable, "connection")
    send(endpoints, sandbox, one)
    first, second = received(sandbox)
    assert body_of(first) == body_of(second)
    assert first.received["headers"]["webhook-id"] == second.received["headers"]["webhook-id"]
    assert [first.accepted, second.accepted] == [True, False]
    assert is_idempotent(Sender(Failing(endpoints.database), Reach(), patience=PATIENCE))


@pytest.mark.parametrize("wrong", ["byte", "old", "new", "id", "secret"])
def test_the_reference_library_refuses_what_was_altered(
    endpoints: Endpoints, endpoint: Endpoint, sandbox: Sandbox, wrong: str
) -> None:
    one = message(endpoints, endpoint)
    send(endpoints, sandbox, one)
    [entry] = received(sandbox)
    headers, body, [secret] = dict(entry.received["headers"]), body_of(entry), one.secrets
    assert Webhook(secret).verify(body, headers)["data"] == CONTENT.data
    match wrong:
        case "byte":
            body = body.replace("4711", "4712")
        case "old":
            headers = headers_of(one, datetime.now(UTC) - timedelta(minutes=6))
        case "new":
            headers = headers_of(one, datetime.now(UTC) + timedelta(minutes=6))
        case "id":
            headers["webhook-id"] = str(uuid4())
        case "secret":
            secret = new_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


def test_a_rotation_sends_two_signatures_and_each_verifies(
    endpoints: Endpoints, endpoint: Endpoint, sandbox: Sandbox, receiver: WebhookReceiver
) -> None:
    [old] = message(endpoints, endpoint).secrets
    new = endpoints.rotate(endpoint.project_id, endpoint.id, now=datetime.now(UTC), who="me")
    one = message(endpoints, endpoint)
    assert one.secrets == (new, old)
    for secret in (old, new):
        receiver.learn("shop", secret)
        send(endpoints, sandbox, replace(one, delivery_id=uuid4()))
    assert [entry.accepted for entry in received(sandbox)] == [True, True]
    assert len(received(sandbox)[0].received["headers"]["webhook-signature"].split(" ")) == 2
    receiver.learn("shop", new_secret())
    assert failure(endpoints, sandbox, one).code == "400"


@pytest.mark.parametrize(
    ("rule", "code", "wait", "said"),
    [
        ({"error": "unauthorized"}, "401", None, "The endpoint answered 401."),
        ({"error": "internal_error"}, "500", None, "The endpoint answered 500."),
        ({"error": "unavailable", "retry_after": 120}, "503", 120, "The endpoint answered 503."),
        ({"error": "too_many_requests", "retry_after": 0}, "429", 60, "The endpoint answered 429."),
        ({"error": "redirect"}, "302", None, "redirects are not followed: register the address it leads to."),
        ({"status": 404, "body": "canary-7d1f"}, "404", None, "The endpoint answered 404."),
        ({"status": 400, "body": "canary-7d1f"}, "400", None, "The endpoint answered 400."),
    ],
)
def test_any_other_answer_is_tried_again_and_speaks_against_the_endpoint_alone(
    endpoints: Endpoints, endpoint: Endpoint, sandbox: Sandbox, rule: Any, code: str, wait: float | None, said: str
) -> None:  # fmt: skip
    sandbox.behave("webhook", **rule)
    error = failure(endpoints, sandbox, message(endpoints, endpoint))
    assert isinstance(error, Unavailable)
    assert (error.code, error.retry_after, error.blames) == (code, wait, "destination")
    assert said in error.reason
    assert "canary" not in str(error), "what an endpoint says is not shown"
    assert len(received(sandbox)) == 1, "nothing is followed"
    assert endpoints.get(endpoint.project_id, endpoint.id).failing_since


@pytest.mark.parametrize("fault", ["hang", "drip", "close", "half"])
def test_silence_and_broken_connections_are_tried_again_too(
    endpoints: Endpoints, endpoint: Endpoint, sandbox: Sandbox, fault: str
) -> None:
    sandbox.behave("webhook", fault=fault)
    error = failure(endpoints, sandbox, message(endpoints, endpoint, deadline=0.5))
    assert isinstance(error, Unavailable)
    assert error.blames == "destination"
    assert error.code == ("timeout" if fault in ("hang", "drip") else "connection")


def test_ten_megabytes_of_answer_are_not_read(endpoints: Endpoints, endpoint: Endpoint, sandbox: Sandbox) -> None:
    sandbox.behave("webhook", fault="huge")
    assert send(endpoints, sandbox, message(endpoints, endpoint)).detail == "HTTP 200"


def test_nobody_there_is_tried_again(endpoints: Endpoints, endpoint: Endpoint, sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    away = replace(message(endpoints, endpoint), url=f"http://127.0.0.1:{port}/")
    assert failure(endpoints, sandbox, away).code == "connection"


def test_one_that_is_gone_is_disabled_at_once(endpoints: Endpoints, endpoint: Endpoint, sandbox: Sandbox) -> None:
    sandbox.behave("webhook", error="gone")
    error = failure(endpoints, sandbox, message(endpoints, endpoint))
    assert (type(error), error.code) == (Rejected, "410")
    found = endpoints.get(endpoint.project_id, endpoint.id)
    assert found.disabled_at
    assert found.disabled_reason == "The endpoint answered 410, which means that it wants no more."


def test_a_success_ends_a_time_of_failures(endpoints: Endpoints, endpoint: Endpoint, sandbox: Sandbox) -> None:
    sandbox.behave("webhook", error="internal_error", times=1)
    failure(endpoints, sandbox, message(endpoints, endpoint))
    one = message(endpoints, endpoint)
    assert one.is_failing
    send(endpoints, sandbox, one)
    assert endpoints.get(endpoint.project_id, endpoint.id).failing_since is None


def test_without_a_ledger_the_answer_still_counts(endpoints: Endpoints, endpoint: Endpoint, sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    one = message(endpoints, endpoint)
    away = Endpoints(Database(f"postgresql://127.0.0.1:{port}/x"), endpoints.sealer)
    sandbox.behave("webhook", error="internal_error", times=1)
    assert failure(away, sandbox, one).code == "500"
    assert send(away, sandbox, replace(one, is_failing=True)).delivered


def test_an_address_that_is_no_longer_allowed_is_not_called(
    endpoints: Endpoints, endpoint: Endpoint, sandbox: Sandbox
) -> None:
    one = message(endpoints, endpoint)

    async def main() -> None:
        sender = Sender(Failing(endpoints.database), Reach(allow_http=True), patience=PATIENCE)
        with pytest.raises(Rejected, match=r"127\.0\.0\.1 is not a public address"):
            await sender.send(one)

    asyncio.run(main())
    assert received(sandbox) == []


def test_secrets_are_in_no_text(endpoints: Endpoints, endpoint: Endpoint, sandbox: Sandbox) -> None:
    one = message(endpoints, endpoint)
    sandbox.behave("webhook", error="internal_error")
    error = failure(endpoints, sandbox, one)
    assert one.secrets[0] not in repr(one) + str(error) + repr(error.__dict__)
