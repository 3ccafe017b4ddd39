"""What every provider promises the delivery loop, shown against a stand-in that speaks its vendor's wire format."""

import asyncio
import importlib
import logging
import pkgutil
import socket
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

import services
from crier.sandbox import Entry, Sandbox
from shared.errors import Ambiguous, Rejected, SendError, Unavailable
from shared.providers.port import Provider, Sent, is_idempotent
from shared.settings import load_one
from tests.contracts.case import Case, Environment, Expected
from tests.contracts.provider_cases import CASES

T = TypeVar("T")
DEADLINE = 10.0
AWKWARD = {
    "emoji": "👩‍👩‍👧 🎉 €5 ünïcödé",
    "right to left": "مرحبا بالعالم — שלום",
    "long": "All work and no play. " * 60,
    "like headers": "Subject: x\nBcc: eve@example.com\n\n.\n..\nFrom me\n<b>&amp;</b>",
    "like a form": "a=b&To=%2B1&c=%00+d;e",
    "like JSON": '"}, {"token": "\\u0000" \\ \'',
    "like a template": "{{ 7*7 }} ${x} %s %(y)s {0}",
}
CALLS = [pytest.param(case, id=case.id) for case in CASES]
HTTP_CALLS = [pytest.param(case, id=case.id) for case in CASES if case.http]
REFUSALS = [pytest.param(case, error, id=f"{case.id}-{error}") for case in CASES for error in case.refusals]


def using(case: Case, environment: Environment, action: Callable[[Provider[Any]], Awaitable[T]]) -> T:
    """Do something with the provider on an event loop of its own, and close it."""

    async def main() -> T:
        provider = case.vendor.build(load_one(case.vendor.settings, environment))
        try:
            async with asyncio.timeout(DEADLINE):
                return await action(provider)
        finally:
            await provider.close()

    return asyncio.run(main())


def sample(case: Case, text: str = "Hello", target: str | None = None) -> Any:
    return case.message(uuid4(), target or case.target, text)


def send(case: Case, environment: Environment, message: Any = None) -> Sent:
    return using(case, environment, lambda provider: provider.send(message or sample(case)))


def failure(case: Case, environment: Environment, message: Any = None) -> SendError:
    with pytest.raises(SendError) as caught:
        send(case, environment, message)
    return caught.value


async def outcome(provider: Provider[Any], message: Any) -> Sent | SendError:
    try:
        return await provider.send(message)
    except SendError as error:
        return error


def received(sandbox: Sandbox, case: Case) -> list[Entry]:
    """The messages the stand-in took."""
    return [entry for entry in sandbox.calls(case.name) if entry.accepted]


def check(error: SendError, expected: Expected) -> None:
    assert type(error) is expected.kind
    assert getattr(error, "target_is_dead", False) is expected.dead
    assert getattr(error, "opted_out", False) is expected.opted_out
    assert getattr(error, "alert", False) is expected.alert
    assert getattr(error, "provider_fault", False) is expected.fault
    assert getattr(error, "retry_after", None) == expected.wait
    assert getattr(error, "blames", "provider") == expected.blames


def test_every_provider_is_under_contract() -> None:
    channels = [found.name for found in pkgutil.iter_modules(services.__path__) if found.ispkg]
    tables = [
        importlib.import_module(f"services.{channel}.providers").VENDORS
        for channel in channels
        if Path(services.__path__[0], channel, "providers").is_dir()
    ]
    named = {vendor: name for table in tables for name, vendor in table.items()}
    missing = sorted(name for vendor, name in named.items() if vendor not in {case.vendor for case in CASES})
    assert not missing, f"write tests/contracts/cases/<name>.py for {missing}, and its line in provider_cases.py"
    assert {case.vendor for case in CASES} == set(named), "a case is of a provider there is"


@pytest.mark.parametrize("case", CALLS)
@pytest.mark.parametrize("text", AWKWARD.values(), ids=AWKWARD)
def test_words_arrive_as_they_are(sandbox: Sandbox, case: Case, text: str) -> None:
    send(case, sandbox.environment, sample(case, text))
    [entry] = received(sandbox, case)
    got = case.read(entry)
    assert (got.target, got.text) == (case.target, case.arrives(text))


@pytest.mark.parametrize("case", CALLS)
def test_our_id_goes_along_and_the_vendors_comes_back(sandbox: Sandbox, case: Case) -> None:
    message = sample(case)
    sent = send(case, sandbox.environment, message)
    [entry] = received(sandbox, case)
    assert bool(sent.reference) is case.says_id
    assert sent.delivered is case.is_final
    if case.carries_id:
        assert entry.delivery == str(message.delivery_id)
    # By one of the two a receipt or a bounce finds the delivery.
    assert case.carries_id or sent.reference == entry.reference


@pytest.mark.parametrize("case", CALLS)
def test_many_at_once_each_arrive_once(sandbox: Sandbox, case: Case) -> None:
    texts = [f"Message {number}" for number in range(100)]

    async def send_all(provider: Provider[Any]) -> list[Sent]:
        return await asyncio.gather(*(provider.send(sample(case, text)) for text in texts))

    references = [sent.reference for sent in using(case, sandbox.environment, send_all)]
    assert not case.says_id or len(set(references)) == len(texts)
    assert sorted(case.read(entry).text for entry in received(sandbox, case)) == sorted(texts)


@pytest.mark.parametrize(("case", "error"), REFUSALS)
def test_a_documented_refusal_means_what_it_should(sandbox: Sandbox, case: Case, error: str) -> None:
    sandbox.behave(case.name, error=error)
    check(failure(case, sandbox.environment), case.refusals[error])
    assert received(sandbox, case) == []


@pytest.mark.parametrize("case", HTTP_CALLS)
def test_no_documented_refusal_is_left_out(sandbox: Sandbox, case: Case) -> None:
    assert set(sandbox.vendors[case.name].errors) == {*case.refusals, *case.not_refusals, *case.reported}


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES if case.table])
def test_no_row_of_a_table_of_outcomes_is_left_out(sandbox: Sandbox, case: Case) -> None:
    async def refuse_everything(provider: Provider[Any]) -> None:
        for error in case.refusals:
            sandbox.behave(case.name, error=error)
            await outcome(provider, sample(case))
            sandbox.reset()

    using(case, sandbox.environment, refuse_everything)
    met = [case.row_of(entry) for entry in sandbox.calls(case.name)]
    met += [case.table[int(code)] for code in case.reported]
    assert [key for key, row in case.table.items() if not any(row is one for one in met)] == []


@pytest.mark.parametrize(("case", "error"), REFUSALS)
def test_a_refusal_leaves_the_provider_fit_for_the_next_message(sandbox: Sandbox, case: Case, error: str) -> None:
    async def refused_then_sent(provider: Provider[Any]) -> Sent:
        with suppress(SendError):
            await provider.send(sample(case))
        sandbox.reset()
        return await provider.send(sample(case, "Next"))

    sandbox.behave(case.name, error=error)
    using(case, sandbox.environment, refused_then_sent)
    assert [case.read(entry).text for entry in received(sandbox, case)] == ["Next"]


@pytest.mark.parametrize("case", CALLS)
def test_wrong_credentials_are_the_accounts_fault(sandbox: Sandbox, case: Case, tmp_path: Path) -> None:
    error = failure(case, case.wrong_login(sandbox.environment, tmp_path), sample(case, target=case.stranger))
    check(error, case.login)


@pytest.mark.parametrize("case", HTTP_CALLS)
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Expected(Rejected)), (404, Expected(Rejected)), (413, Expected(Rejected)), (422, Expected(Rejected)),
        (402, Expected(Unavailable, fault=True)), (403, Expected(Unavailable, fault=True)),
        (408, Expected(Unavailable)), (425, Expected(Unavailable)), (429, Expected(Unavailable, wait=60)),
        (500, Expected(Ambiguous)), (502, Expected(Ambiguous)), (503, Expected(Ambiguous)), (200, Expected(Ambiguous)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("body", ["<html>Bad gateway</html>", '{"error": null, "code": {}}'], ids=["HTML", "JSON"])
def test_an_answer_that_is_not_the_vendors_goes_by_its_status(
    sandbox: Sandbox, case: Case, status: int, expected: Expected, body: str
) -> None:
    sandbox.behave(case.name, status=status, body=body)
    check(failure(case, sandbox.environment), case.statuses.get(status, expected))


@pytest.mark.parametrize("case", HTTP_CALLS)
def test_a_vendor_that_asks_for_patience_gets_it(sandbox: Sandbox, case: Case) -> None:
    sandbox.behave(case.name, status=429, retry_after=30)
    check(failure(case, sandbox.environment), Expected(Unavailable, wait=30, blames=case.blames))


@pytest.mark.parametrize("case", CALLS)
def test_a_server_that_is_not_there_means_nothing_was_sent(sandbox: Sandbox, case: Case) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = failure(case, case.elsewhere(sandbox.environment, "127.0.0.1", port))
    check(error, Expected(Unavailable, blames=case.blames))


@pytest.mark.parametrize("case", CALLS)
def test_a_name_that_does_not_resolve_means_nothing_was_sent(sandbox: Sandbox, case: Case) -> None:
    error = failure(case, case.elsewhere(sandbox.environment, "nowhere.invalid", 443))
    check(error, Expected(Unavailable, blames=case.blames))


@pytest.mark.parametrize("case", CALLS)
@pytest.mark.parametrize("fault", ["close", "half-close", "reset", "half"])
@pytest.mark.parametrize("accepts", [True, False])
def test_a_connection_lost_after_the_message_left_is_a_doubt(
    sandbox: Sandbox, case: Case, fault: str, accepts: bool
) -> None:
    sandbox.behave(case.name, fault=fault, accepts=accepts)
    check(failure(case, sandbox.environment), Expected(Ambiguous, blames=case.blames))
    assert len(received(sandbox, case)) == accepts


@pytest.mark.parametrize("case", CALLS)
def test_what_was_in_doubt_and_is_sent_again_arrives_twice_unless_the_provider_says_it_cannot(
    sandbox: Sandbox, case: Case
) -> None:
    async def doubted_and_repeated(provider: Provider[Any]) -> tuple[Sent, bool]:
        message = sample(case)
        sandbox.behave(case.name, fault="reset", times=1)
        with pytest.raises(Ambiguous):
            await provider.send(message)
        return await provider.send(message), is_idempotent(provider)

    sent, idempotent = using(case, sandbox.environment, doubted_and_repeated)
    taken = received(sandbox, case)
    assert len(taken) == (1 if idempotent else 2)
    assert not idempotent or sent.reference == taken[0].reference


@pytest.mark.parametrize("case", CALLS)
def test_an_answer_cut_short(sandbox: Sandbox, case: Case) -> None:
    sandbox.behave(case.name, fault="truncate")
    answer = using(case, sandbox.environment, lambda provider: outcome(provider, sample(case)))
    assert type(answer) is case.cut_short


@pytest.mark.parametrize("case", CALLS)
def test_ten_megabytes_of_answer_are_not_read_for_what_is_in_them(sandbox: Sandbox, case: Case) -> None:
    sandbox.behave(case.name, fault="huge", times=1)

    async def huge_then_normal(provider: Provider[Any]) -> Sent | SendError:
        answer = await outcome(provider, sample(case))
        await provider.send(sample(case))
        return answer

    assert type(using(case, sandbox.environment, huge_then_normal)) is case.padded


@pytest.mark.parametrize("case", CALLS)
@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_a_deadline_ends_a_call_that_does_not_end_and_the_next_one_works(
    sandbox: Sandbox, case: Case, fault: str
) -> None:
    async def give_up(provider: Provider[Any]) -> None:
        await provider.send(sample(case, "First"))
        sandbox.behave(case.name, fault=fault, times=1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await provider.send(sample(case, "Hanging"))
        await provider.send(sample(case, "Next"))

    using(case, sandbox.environment, give_up)
    assert [case.read(entry).text for entry in received(sandbox, case)] == ["First", "Hanging", "Next"]


@pytest.mark.parametrize("case", HTTP_CALLS)
def test_a_redirect_is_refused_and_not_followed(sandbox: Sandbox, case: Case) -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
        location = sandbox.url.encode() + path
        writer.write(b"HTTP/1.1 307 Go\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n")
        await writer.drain()
        writer.close()

    async def main() -> SendError:
        server = await asyncio.start_server(redirect, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        environment = case.elsewhere(sandbox.environment, "127.0.0.1", port)
        provider = case.vendor.build(load_one(case.vendor.settings, environment))
        try:
            with pytest.raises(SendError) as caught:
                await provider.send(sample(case))
            return caught.value
        finally:
            await provider.close()
            server.close()

    check(asyncio.run(main()), Expected(Rejected))
    assert received(sandbox, case) == []


@pytest.mark.parametrize("case", CALLS)
def test_no_secret_gets_into_an_error_or_a_log(
    sandbox: Sandbox, case: Case, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    written = []

    def attempt(environment: Environment, message: Any = None) -> None:
        try:
            written.append(repr(send(case, environment, message)))
        except (SendError, TimeoutError) as error:
            written.extend((repr(error), *traceback.format_exception(error)))

    attempt(sandbox.environment)
    attempt(case.wrong_login(sandbox.environment, tmp_path), sample(case, target=case.stranger))
    attempt(case.elsewhere(sandbox.environment, "127.0.0.1", 9))
    for fault in ("reset", "half", "truncate"):
        sandbox.behave(case.name, fault=fault)
        attempt(sandbox.environment)
    everything = "\n".join((*written, *(str(vars(record)) for record in caplog.records)))
    assert len(written) > len(CASES)
    assert [secret for secret in case.secrets(sandbox.environment) if secret in everything] == []
