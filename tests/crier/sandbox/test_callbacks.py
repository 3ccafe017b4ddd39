"""How the stand-ins' callbacks are made, whatever they say."""

import asyncio
from pathlib import Path

import pytest
import requests

from crier.sandbox import Sandbox, read
from crier.sandbox.callbacks import Callback, Callbacks, Manner, is_local, manner_of
from crier.sandbox.journal import Journal
from tests.crier.sandbox.clients import DELIVERY
from tests.crier.sandbox.receiver import Receiver


def report(url: str, *texts: str) -> list[Callback]:
    return [Callback("twilio", url, text.encode(), {"X-Signed": text}, delivery=DELIVERY) for text in texts]


def make(folder: Path, manner: Manner, callbacks: list[Callback], *, answering: bool = False) -> None:
    """Make `callbacks` in that manner; with `answering` only until the answer would be written."""

    async def made() -> None:
        journal = Journal(folder / "journal.ndjson", durable=False)
        maker = Callbacks(journal)
        maker.manner = manner
        try:
            await (maker.answering(callbacks) if answering else maker.post(callbacks))
        finally:
            await maker.close()
            await journal.close()

    asyncio.run(made())


def texts(receiver: Receiver) -> list[str]:
    return [call.body.decode() for call in receiver.calls]


def test_callbacks_arrive_in_order_with_url_headers_and_body_as_they_were_signed(
    tmp_path: Path, receiver: Receiver
) -> None:
    url = f"{receiver.url}/v1/receipts/twilio?delivery={DELIVERY}&to=%2B44+7%7E~"
    make(tmp_path, Manner(), report(url, "queued", "sent", "delivered"))
    assert texts(receiver) == ["queued", "sent", "delivered"]
    first = receiver.calls[0]
    assert (first.url, first.headers["x-signed"]) == (url, "queued")


def test_each_try_is_in_the_journal(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses = [503, 429]
    make(tmp_path, Manner(), report(receiver.url, "sent"))
    entries = list(read(tmp_path / "journal.ndjson"))
    assert [entry.answered["status"] for entry in entries] == [503, 429, 204]
    assert {(entry.vendor, entry.action, entry.delivery) for entry in entries} == {("callbacks", "twilio", DELIVERY)}


def test_a_refusal_is_not_tried_again(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses = [403]
    make(tmp_path, Manner(), report(receiver.url, "forged", "other"))
    assert texts(receiver) == ["forged", "other"]


def test_repeated_and_shuffled_all_arrive(tmp_path: Path, receiver: Receiver) -> None:
    make(tmp_path, Manner(repeat=5, shuffle=True), report(receiver.url, "queued", "sent", "delivered"))
    assert sorted(texts(receiver)) == sorted(["queued", "sent", "delivered"] * 5)


def test_early_callbacks_are_made_before_the_answer(tmp_path: Path, receiver: Receiver) -> None:
    make(tmp_path, Manner(early=True), report(receiver.url, "sent", "delivered"), answering=True)
    assert texts(receiver) == ["sent", "delivered"]


def test_what_is_not_early_does_not_hold_the_answer_up(tmp_path: Path, receiver: Receiver) -> None:
    make(tmp_path, Manner(delay=3600), report(receiver.url, "sent"), answering=True)
    assert receiver.calls == []


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "169.254.169.254", "0x7f.1", "localhost.example.com", ""])
def test_nobody_off_this_machine_is_called(tmp_path: Path, host: str) -> None:
    assert not is_local(f"http://{host}/")
    make(tmp_path, Manner(), report(f"http://{host}/", "sent"))
    [entry] = read(tmp_path / "journal.ndjson")
    assert "nobody off this machine" in entry.answered["refused"]


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "127.9.9.9:80", "[::1]:80"])
def test_this_machine_may_be_called(host: str) -> None:
    assert is_local(f"http://{host}/")


def test_a_gateway_that_is_away_is_shown(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.callbacks(to="http://127.0.0.1:9")
    assert sandbox.vendors["sendgrid"].receipts_url == "http://127.0.0.1:9/v1/receipts/sendgrid"
    assert requests.get(f"{sandbox.url}/callbacks", timeout=10).json()["to"] == "http://127.0.0.1:9"
    sandbox.reset()
    assert sandbox.vendors["sendgrid"].receipts_url is None


def test_the_manner_is_told_over_http(sandbox: Sandbox) -> None:
    told = requests.put(f"{sandbox.url}/callbacks", json={"repeat": 5, "shuffle": True, "early": True}, timeout=10)
    shown = {"to": None, "repeat": 5, "shuffle": True, "delay": 0.0, "early": True, "pending": 0}
    assert told.json() == shown
    assert requests.get(f"{sandbox.url}/callbacks", timeout=10).json() == shown
    assert requests.delete(f"{sandbox.url}/behaviour", timeout=10).status_code == 204
    assert requests.get(f"{sandbox.url}/callbacks", timeout=10).json()["repeat"] == 1


@pytest.mark.parametrize(
    ("told", "word"),
    [({"repeat": 0}, "repeat"), ({"repat": 2}, "repat"), ({"to": "http://example.com"}, "to"), ([], "object")],
)
def test_a_manner_there_is_not_is_explained(sandbox: Sandbox, told: object, word: str) -> None:
    response = requests.put(f"{sandbox.url}/callbacks", json=told, timeout=10)
    assert response.status_code == 422
    assert word in response.json()["error"]


@pytest.mark.parametrize(("path", "word"), [("pager/inbound", "vendor"), ("twilio/earthquake", "event")])
def test_what_cannot_happen_is_explained(sandbox: Sandbox, path: str, word: str) -> None:
    response = requests.post(f"{sandbox.url}/events/{path}", json={}, timeout=10)
    assert response.status_code == 422
    assert response.json()["error"].startswith(word)


def test_a_web_page_cannot_make_things_happen(sandbox: Sandbox) -> None:
    headers = {"Origin": "http://127.0.0.1:8000"}
    response = requests.post(f"{sandbox.url}/events/twilio/inbound", data="{}", headers=headers, timeout=10)
    assert response.status_code == 403


def test_what_is_left_out_of_a_manner_has_its_default() -> None:
    assert manner_of({"repeat": 2}) == Manner(repeat=2)
