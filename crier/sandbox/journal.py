"""The sandbox's journal: one JSON line for every call received, on disk before the call is answered.

What a stand-in answered is therefore never more than what its journal holds, even if the process is killed
between the two: the demo and the fault tests reconcile against it.
"""

import asyncio
import json
import os
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True)
class Entry:
    """One call as it was received and answered.

    Parameters:
        vendor: `twilio`, `fcm`, `smtp`, …; `unknown` for a call no stand-in understands; `callbacks` for a call that a
            stand-in made: then `action` is the vendor, `received` what was sent, and `answered` what came of it.
        action: what was asked of the vendor: `send`, `token`, `look-up`; for SMTP `message`, or the step that
            was refused or broken.
        received: everything that arrived, readable; what is not text is base64 under a key ending in
            `_base64`.
        answered: status, headers and body (SMTP: the reply); `code` where it is an error the vendor has a code
            for, and `behaviour` where the stand-in was told one.
        accepted: the vendor took the message, whether or not its answer reached the caller.
        recipient: number, token, address (SMTP: all of the envelope, comma-separated).
        delivery: Crier's delivery id, where the call carries it.
        reference: the vendor's id for the message.
        sequence: counts from 1 in each journal; 0 until it is written.
        time: when the call had been received whole, ISO 8601 UTC.
    """

    vendor: str
    action: str
    received: dict[str, Any]
    answered: dict[str, Any]
    accepted: bool = False
    recipient: str | None = None
    delivery: str | None = None
    reference: str | None = None
    sequence: int = 0
    time: str = field(default_factory=_now)

    def line(self) -> bytes:
        """The entry as the journal keeps it."""
        try:
            return orjson.dumps(self) + b"\n"
        except orjson.JSONEncodeError:
            # Bytes that were no UTF-8 reach us as lone surrogates (PEP 383), which JSON cannot have.
            return json.dumps(asdict(self), ensure_ascii=False).encode(errors="replace") + b"\n"


def read(
    path: Path,
    *,
    vendor: str | None = None,
    delivery: str | None = None,
    recipient: str | None = None,
    after: int = 0,
) -> Iterator[Entry]:
    """The entries of the journal at `path` that match what is given, oldest first; `after` is a sequence.

    Safe while another process writes it: a line that is not complete yet is not read.
    """
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                return
            entry = Entry(**orjson.loads(line))
            if (
                entry.sequence > after
                and (vendor is None or entry.vendor == vendor)
                and (delivery is None or entry.delivery == delivery)
                and (recipient is None or entry.recipient == recipient)
            ):
                yield entry


class _Waiting(NamedTuple):
    entry: Entry
    written: asyncio.Future[None]


class Journal:
    """Appends entries; one writer a file. Use it from one event loop.

    Parameters:
        path: the file; it is continued if it exists (a line torn by a kill is cut off).
        durable: sync every entry to the disk before `append` returns. Entries that arrive while a sync is
            under way share the next one. Without it an entry survives the process, but not the machine.
        sync: what makes the bytes written to a file descriptor durable.
    """

    def __init__(self, path: Path, *, durable: bool = True, sync: Callable[[int], None] = os.fsync) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self.listeners: list[Callable[[Entry], None]] = []
        self._durable = durable
        self._sync = sync
        self._sequence = 0
        self._end = 0
        self._starts = array("Q")
        path.touch(0o600)  # what people were sent is in it
        self._file = path.open("ab", buffering=0)
        self._recover()
        self._waiting: list[_Waiting] = []
        self._flushing: asyncio.Task[None] | None = None
        self._disk = ThreadPoolExecutor(1, "sandbox-journal")

    def _recover(self) -> None:
        with self.path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    entry = Entry(**orjson.loads(line))
                    self._sequence = entry.sequence
                    self.counts[entry.vendor] += 1
                    self._starts.append(self._end)
                    self._end += len(line)
        self._file.truncate(self._end)

    async def append(self, entry: Entry) -> Entry:
        """Write `entry` and return it with its sequence; when durable, only after it is on the disk.

        Raises:
            OSError: it could not be written; the call must not be answered.
        """
        if self._file.closed:
            raise OSError("the journal is closed")
        self._sequence += 1
        entry = replace(entry, sequence=self._sequence)
        if not self._durable:
            self._write(entry.line())
            self._announce(entry)
            return entry
        waiting = _Waiting(entry, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        # A caller that goes away takes neither this line with it nor those that share its sync.
        await asyncio.shield(waiting.written)
        return entry

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await loop.run_in_executor(self._disk, self._write_and_sync, [w.entry.line() for w in batch])
            except OSError as error:
                for waiting in batch:
                    waiting.written.set_exception(error)
            else:
                for waiting in batch:
                    self._announce(waiting.entry)
                    waiting.written.set_result(None)
        self._flushing = None

    def _write_and_sync(self, lines: list[bytes]) -> None:
        for line in lines:
            self._write(line)
        self._sync(self._file.fileno())

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            # Half a line would spoil the next one.
            self._file.truncate(self._end)
            raise
        self._starts.append(self._end)
        self._end += len(line)

    def _announce(self, entry: Entry) -> None:
        self.counts[entry.vendor] += 1
        for listener in self.listeners:
            listener(entry)

    def newest(self, limit: int, *, vendor: str | None = None, before: int | None = None) -> Iterator[Entry]:
        """Up to `limit` entries, newest first, with a sequence under `before` if it is given."""
        for start in reversed(self._starts):
            if limit <= 0:
                return
            entry = self._at(start)
            if (vendor is None or entry.vendor == vendor) and (before is None or entry.sequence < before):
                limit -= 1
                yield entry

    def find(self, sequence: int) -> Entry | None:
        """The entry of that sequence."""
        index = bisect_left(self._starts, sequence, key=lambda start: self._at(start).sequence)
        if index == len(self._starts):
            return None
        entry = self._at(self._starts[index])
        return entry if entry.sequence == sequence else None

    def _at(self, start: int) -> Entry:
        with self.path.open("rb") as file:
            file.seek(start)
            return Entry(**orjson.loads(file.readline()))

    async def clear(self) -> None:
        """Forget every entry. Sequences go on counting."""
        while self._flushing is not None:
            await self._flushing
        self._file.truncate(0)
        self._starts = array("Q")
        self._end = 0
        self.counts.clear()

    async def close(self) -> None:
        """Wait for what is being written, then close the file."""
        while self._flushing is not None:
            await self._flushing
        self._disk.shutdown()
        self._file.close()
