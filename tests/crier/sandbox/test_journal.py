"""What the journal promises: a line for every call, on the disk before the answer, readable at any moment."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from crier.sandbox.journal import Entry, Journal, read


def entry(recipient: str = "+447700900123", vendor: str = "twilio") -> Entry:
    return Entry(vendor, "send", {"body": "x"}, {"status": 201}, accepted=True, recipient=recipient)


def writing(path: Path, work: Callable[[Journal], Awaitable[None]], *, durable: bool = True) -> None:
    async def run() -> None:
        journal = Journal(path, durable=durable)
        try:
            await work(journal)
        finally:
            await journal.close()

    asyncio.run(run())


async def fill(journal: Journal, *recipients: str) -> None:
    for recipient in recipients:
        await journal.append(entry(recipient))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.ndjson"


@pytest.mark.parametrize("durable", [True, False])
def test_what_is_appended_is_read(path: Path, durable: bool) -> None:
    writing(path, lambda journal: fill(journal, "a", "b"), durable=durable)
    first, second = read(path)
    assert (first.sequence, first.recipient, first.accepted) == (1, "a", True)
    assert (second.sequence, second.recipient) == (2, "b")
    assert first.time <= second.time


def test_nothing_is_read_where_there_is_no_journal(path: Path) -> None:
    assert list(read(path)) == []


def test_entries_are_filtered(path: Path) -> None:
    async def work(journal: Journal) -> None:
        await journal.append(entry("a"))
        await journal.append(entry("b", vendor="smtp"))
        await journal.append(Entry("fcm", "send", {}, {}, delivery="d"))

    writing(path, work)
    assert [e.sequence for e in read(path, vendor="smtp")] == [2]
    assert [e.sequence for e in read(path, recipient="a")] == [1]
    assert [e.sequence for e in read(path, delivery="d")] == [3]
    assert [e.sequence for e in read(path, after=1)] == [2, 3]


def test_nothing_returns_before_its_line_is_synced_and_syncs_are_shared(path: Path) -> None:
    may_sync = threading.Event()
    synced: list[int] = []

    def sync(_: int) -> None:
        assert may_sync.wait(10)
        synced.append(len(path.read_bytes().splitlines()))

    async def run() -> None:
        journal = Journal(path, sync=sync)
        first = asyncio.create_task(journal.append(entry("first")))
        while not path.read_bytes():  # its sync has begun
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(journal.append(entry(str(n)))) for n in range(20)]
        await asyncio.sleep(0.01)
        assert not first.done()
        assert not any(task.done() for task in others)
        may_sync.set()
        await asyncio.gather(first, *others)
        await journal.close()

    asyncio.run(run())
    assert synced == [1, 21]


def test_entries_are_synced_to_the_disk_by_default() -> None:
    assert Journal.__init__.__kwdefaults__ == {"durable": True, "sync": os.fsync}


def test_a_sync_that_fails_fails_the_call_and_not_later_ones(path: Path) -> None:
    outcomes = iter([OSError("no space"), None])

    def sync(_: int) -> None:
        if (outcome := next(outcomes)) is not None:
            raise outcome

    async def run() -> None:
        journal = Journal(path, sync=sync)
        with pytest.raises(OSError, match="no space"):
            await journal.append(entry("a"))
        await journal.append(entry("b"))
        await journal.close()

    asyncio.run(run())
    assert [e.recipient for e in read(path)][-1] == "b"


def test_a_caller_that_goes_away_leaves_its_line(path: Path) -> None:
    async def work(journal: Journal) -> None:
        task = asyncio.create_task(journal.append(entry("gone")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await journal.append(entry("here"))

    writing(path, work)
    assert [e.recipient for e in read(path)] == ["gone", "here"]


def test_a_closed_journal_takes_nothing(path: Path) -> None:
    async def run() -> None:
        journal = Journal(path)
        await journal.close()
        with pytest.raises(OSError, match="closed"):
            await journal.append(entry())

    asyncio.run(run())


def test_a_line_torn_by_a_kill_is_not_read_and_then_cut_off(path: Path) -> None:
    writing(path, lambda journal: fill(journal, "a", "b"))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"vendor": "twi')
    assert [e.recipient for e in read(path)] == ["a", "b"]
    writing(path, lambda journal: fill(journal, "c"))
    assert [(e.sequence, e.recipient) for e in read(path)] == [(1, "a"), (2, "b"), (3, "c")]


def test_the_newest_come_first_and_by_page(path: Path) -> None:
    async def work(journal: Journal) -> None:
        await fill(journal, *"abcde")
        await journal.append(entry("f", vendor="smtp"))
        assert [e.recipient for e in journal.newest(2)] == ["f", "e"]
        assert [e.recipient for e in journal.newest(2, vendor="twilio")] == ["e", "d"]
        assert [e.recipient for e in journal.newest(9, before=3)] == ["b", "a"]
        assert journal.counts == {"twilio": 5, "smtp": 1}

    writing(path, work)


def test_an_entry_is_found_by_its_sequence(path: Path) -> None:
    async def work(journal: Journal) -> None:
        assert journal.find(1) is None
        await fill(journal, *"abc")
        await journal.clear()
        await fill(journal, *"de")
        found = {n: journal.find(n) for n in range(7)}
        assert {n: e.recipient for n, e in found.items() if e is not None} == {4: "d", 5: "e"}

    writing(path, work)


def test_a_cleared_journal_is_empty_and_goes_on_counting(path: Path) -> None:
    async def work(journal: Journal) -> None:
        await fill(journal, "a", "b")
        await journal.clear()
        assert list(read(path)) == []
        assert not journal.counts
        await fill(journal, "c")

    writing(path, work)
    assert [(e.sequence, e.recipient) for e in read(path)] == [(3, "c")]


def test_only_its_owner_may_read_it(path: Path) -> None:
    writing(path, lambda journal: fill(journal, "a"))
    assert path.stat().st_mode & 0o777 == 0o600


def test_listeners_hear_what_is_written(path: Path) -> None:
    heard: list[int] = []

    async def work(journal: Journal) -> None:
        journal.listeners.append(lambda written: heard.append(written.sequence))
        await fill(journal, "a", "b")

    writing(path, work)
    assert heard == [1, 2]
