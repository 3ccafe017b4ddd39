"""Sending to many with the client: files, iterators, and uploads that break off on their way."""

import io
import os
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from crier import ApiProblem, Client, Row, WaitTimeout
from crier.upload import uploading
from tests.e2e.conftest import System

TABLE = {"body": "Your table is ready."}


def phones(count: int) -> Iterator[Row]:
    """Rows that can be had once only."""
    for number in range(count):
        yield {"to": {"phone": f"+4477009{number:05d}"}, "metadata": {"number": str(number)}}


def later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def test_an_iterator_is_sent_row_by_row(client: Client):
    receipt = client.bulk(phones(12), channel="sms", content=TABLE)
    assert (receipt["accepted"], receipt["refused"], receipt["complete"], receipt["replayed"]) == (12, 0, True, False)
    assert client.wait_batch(receipt)["states"] == {"sent": 12}
    found = {(one["row_number"], one["metadata"]["number"]) for one in client.list(batch_id=receipt["batch_id"])}
    assert found == {(number + 1, str(number)) for number in range(12)}


def test_a_row_has_what_python_has(client: Client):
    total = {"amount": Decimal("40.00"), "currency": "GBP"}
    booking = {"what": "Dinner", "reference": uuid4(), "starts_at": later(), "total": total}
    rows: list[Row] = [{"to": {"email": "python@example.com"}, "data": booking}]
    receipt = client.bulk(rows, channel="email", template="booking_confirmation")
    assert receipt["errors"] == []
    [one] = client.list(batch_id=receipt["batch_id"])
    assert client.get(one["id"])["data"]["total"] == {"amount": "40.00", "currency": "GBP"}


def test_rows_are_never_in_memory_as_a_whole():
    text = "x" * 1000
    rows: Iterator[Row] = ({"to": {"phone": "+447700900001"}, "metadata": {"text": text}} for _ in range(12_000))
    tracemalloc.start()
    try:
        with uploading(rows, None, {"channel": "sms"}, None) as (upload, _):
            sent = sum(map(len, upload))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent == upload.len > 12_000_000
    assert most < 4_000_000


def test_nobody_is_a_batch_of_nobody(client: Client):
    receipt = client.bulk([], channel="sms", content=TABLE)
    assert (receipt["accepted"], receipt["complete"]) == (0, True)
    assert client.wait_batch(receipt, timeout=5)["states"] == {}


def test_a_bad_row_is_told_by_its_position(client: Client):
    rows: list[Any] = [{"to": {"phone": "+447700900001"}}, {"to": {"phone": "1"}}, {"too": {}}]
    receipt = client.bulk(rows, channel="sms", content=TABLE)
    assert (receipt["accepted"], receipt["refused"]) == (1, 2)
    assert {error["row"] for error in client.batch_errors(receipt["batch_id"])} == {2, 3}


def test_when_the_rows_end_in_an_error_nothing_is_sent(client: Client):
    key = uuid4().hex

    def broken() -> Iterator[Row]:
        yield from phones(3)
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError, match="the database went away"):
        client.bulk(broken(), channel="sms", content=TABLE, idempotency_key=key)
    impossible: list[Any] = [*phones(1), {"to": {"phone": "+447700900002"}, "data": {"x": object()}}]
    with pytest.raises(TypeError, match=r"Row 2: .*object"):
        client.bulk(impossible, channel="sms", content=TABLE, idempotency_key=key)
    assert client.bulk(phones(3), channel="sms", content=TABLE, idempotency_key=key)["replayed"] is False


def test_the_same_rows_under_the_same_key_add_nothing(client: Client):
    asked: dict[str, Any] = {"channel": "sms", "content": TABLE, "idempotency_key": uuid4().hex}
    first, again = client.bulk(phones(5), **asked), client.bulk(phones(5), **asked)
    assert (first["batch_id"], again["replayed"]) == (again["batch_id"], True)
    assert len(list(client.list(batch_id=first["batch_id"]))) == 5


@pytest.mark.parametrize("kind", [str, Path, "open", "in memory", "pipe"])
def test_a_file_may_come_in_many_ways(client: Client, tmp_path: Path, kind: Any):
    path = tmp_path / "phones.csv"
    path.write_text("phone\n+447700900003\n+447700900004\n")
    with path.open("rb") as opened:
        reading, writing = os.pipe()
        os.write(writing, path.read_bytes())
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            sources = {"open": opened, "in memory": io.BytesIO(path.read_bytes()), "pipe": pipe}
            source = sources[kind] if isinstance(kind, str) else kind(path)
            form = "csv" if kind in ("in memory", "pipe") else None
            receipt = client.bulk(source, channel="sms", content=TABLE, form=form)
    assert receipt["accepted"] == 2


def test_a_file_that_cannot_be_understood_is_refused_before_it_is_sent(client: Client, tmp_path: Path):
    path = tmp_path / "phones.csv"
    path.write_text("phone\n")
    with path.open() as text, pytest.raises(ValueError, match=r"open it as bytes, open\(path, 'rb'\)"):
        client.bulk(text, channel="sms", content=TABLE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"must end in \.csv, \.ndjson, \.jsonl, or form="):
        client.bulk(io.BytesIO(b"phone\n"), channel="sms", content=TABLE)
    with pytest.raises(FileNotFoundError):
        client.bulk(tmp_path / "nothing.csv", channel="sms", content=TABLE)


def test_a_refusal_arrives_while_a_large_file_is_being_sent(client: Client, tmp_path: Path):
    path = tmp_path / "phones.csv"
    path.write_text("fone\n" + "+447700900001\n" * 600_000)
    with pytest.raises(ApiProblem, match="Did you mean phone"):
        client.bulk(path, channel="sms", content=TABLE)


def test_long_content_goes_along(client: Client):
    """Longer than a server takes an address to be."""
    html = "<p>" + 'Grüße an alle & "jeden"\r\n' * 4000 + "</p>"
    rows: list[Row] = [{"to": {"email": f"long{number}@example.com"}} for number in range(3)]
    receipt = client.bulk(rows, channel="email", content={"subject": "Long", "html": html}, send_at=later())
    assert (receipt["accepted"], receipt["errors"]) == (3, [])
    first = next(client.list(batch_id=receipt["batch_id"]))
    assert client.get(first["id"])["content"]["html"] == html


def test_promotions_name_the_way_out_of_them(client: Client):
    way_out = "https://example.com/unsubscribe/1"
    rows: list[Row] = [
        {"to": {"email": "promo@example.com", "unsubscribe_url": way_out}},
        {"to": {"email": "promo@example.com"}},
    ]
    receipt = client.bulk(rows, channel="email", content={"subject": "Sale", "text": "x"}, kind="promotion")
    assert (receipt["lane"], receipt["accepted"]) == ("bulk", 1)
    assert [(error["row"], error["field"]) for error in receipt["errors"]] == [(2, "to.unsubscribe_url")]


def test_progress_is_told_in_bytes_and_then_in_deliveries(client: Client, tmp_path: Path):
    path = tmp_path / "phones.csv"
    path.write_text("phone\n" + "".join(f"+4477009{number:05d}\n" for number in range(3000)))
    sent: list[tuple[int, int]] = []
    done: list[tuple[int, int]] = []
    receipt = client.bulk(path, channel="sms", content=TABLE, send_at=later(), progress=lambda *seen: sent.append(seen))
    size = path.stat().st_size
    assert sent[-1] == (size, size)
    assert len(sent) > 1
    assert sent == sorted(sent)
    batch = client.wait_batch(receipt, progress=lambda *seen: done.append(seen))
    assert batch["states"] == {"scheduled": 3000}
    assert done[-1] == (0, 3000)


def test_a_batch_is_not_waited_for_for_ever(client: Client, served: System):
    served.sandbox.behave("twilio", recipient="+447700900091", error="20429", times=50)
    receipt = client.bulk([{"to": {"phone": "+447700900091"}}], channel="sms", content=TABLE)
    with pytest.raises(WaitTimeout, match=r"0 of 1 have ended after 0\.3 s") as caught:
        client.wait_batch(receipt, timeout=0.3)
    assert caught.value.last["id"] == receipt["batch_id"]


@contextmanager
def cutting(port: int, after: int, ready: Callable[[], bool]) -> Iterator[int]:
    """A way to a gateway that carries `after` bytes of the first connection, breaks it once `ready`, then works."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        limits = iter([after])

        def carry(source: socket.socket, target: socket.socket, limit: float) -> None:
            carried = 0
            with suppress(OSError):
                while carried < limit and (piece := source.recv(65_536)):
                    carried += len(piece)
                    target.sendall(piece)
                deadline = time.monotonic() + 20
                while limit < float("inf") and not ready() and time.monotonic() < deadline:
                    time.sleep(0.02)
            for each in (source, target):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    near, _ = server.accept()
                    far = socket.create_connection(("127.0.0.1", port))
                    for pair in ((near, far, next(limits, float("inf"))), (far, near, float("inf"))):
                        threading.Thread(target=carry, args=pair, daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


@pytest.mark.parametrize("form", ["rows", "file"])
def test_what_broke_off_is_sent_again_and_nothing_is_doubled(
    client: Client, served: System, tmp_path: Path, form: str
):  # fmt: skip
    count = 12_000
    path = tmp_path / "phones.csv"
    path.write_text("phone,metadata.number\n" + "".join(f"+4477009{n:05d},{n:060d}\n" for n in range(count)))
    size = path.stat().st_size if form == "file" else 75 * count
    told: list[int] = []

    def batches_of_one() -> set[str | None]:
        return {one["batch_id"] for one in client.list(recipient="+447700900007")}

    before = batches_of_one()
    with cutting(served.gateway_port, int(size * 0.7), lambda: batches_of_one() != before) as port:
        receipt = Client(f"http://127.0.0.1:{port}", served.key).bulk(
            path if form == "file" else phones(count), channel="sms", content=TABLE, send_at=later(),
            progress=lambda sent, _: told.append(sent),
        )  # fmt: skip
    assert (receipt["accepted"], receipt["complete"]) == (count, True)
    assert told != sorted(told), "it was never sent again"
    assert client.batch(receipt["batch_id"])["states"] == {"scheduled": count}
    assert batches_of_one() - before == {receipt["batch_id"]}, "the repetition was a batch of its own"
