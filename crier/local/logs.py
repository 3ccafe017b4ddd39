"""The programs' logs: their last lines in the order of time, and what is added to them."""

import json
import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from crier.local.home import Home

PAUSE = 0.2  # seconds between two looks at the files
BEFORE_ALL = datetime.min.replace(tzinfo=UTC)

# PostgreSQL, supervisord and Dramatiq begin a line with the time; Redis has the pid before it.
ISO = re.compile(r"^\[?(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:UTC|Z|[+-]\d\d:?\d\d))?)")
REDIS = re.compile(r"^\d+:[A-Z] (\d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3}) ")


@dataclass(frozen=True)
class LogLine:
    """One line of a program's log.

    Parameters:
        program: who wrote it.
        text: the line, without its end.
        fields: its values, when it is a JSON object; empty otherwise.
        moment: when it was written; that of the line before when it does not say.
    """

    program: str
    text: str
    fields: dict[str, Any] = field(default_factory=dict)
    moment: datetime = BEFORE_ALL

    @classmethod
    def parse(cls, program: str, text: str, before: datetime) -> "LogLine":
        """Read a line that follows one of the moment `before`."""
        fields: dict[str, Any] = {}
        if text.startswith("{"):
            try:
                fields = json.loads(text)
            except ValueError:
                fields = {}
        moment = _moment(str(fields["timestamp"]) if "timestamp" in fields else text)
        return cls(program, text, fields, moment or before)


def _moment(text: str) -> datetime | None:
    try:
        if found := ISO.match(text):
            moment = datetime.fromisoformat(found.group(1).replace(" UTC", "+00:00").replace(",", "."))
            return moment if moment.tzinfo else moment.astimezone()
        if found := REDIS.match(text):
            return datetime.strptime(found.group(1), "%d %b %Y %H:%M:%S.%f").astimezone()
    except ValueError:
        return None
    return None


def written_by(home: Home) -> list[str]:
    """The programs that have a log."""
    return sorted(path.stem for path in home.logs.glob("*.log"))


def recent(home: Home, programs: Iterable[str], count: int) -> list[LogLine]:
    """The last `count` lines of each program, all in the order of time."""
    lines: list[LogLine] = []
    for program in programs:
        path = home.log(program)
        if count > 0 and path.exists():
            with path.open(errors="replace") as log:
                lines.extend(_parsed(program, deque((text.rstrip("\n") for text in log), maxlen=count)))
    return sorted(lines, key=lambda line: line.moment)


def _parsed(program: str, texts: Iterable[str]) -> Iterator[LogLine]:
    moment = BEFORE_ALL
    for text in texts:
        line = LogLine.parse(program, text, moment)
        moment = line.moment
        yield line


def follow(home: Home, programs: Iterable[str] | None, until: Callable[[], bool] = lambda: False) -> Iterator[LogLine]:
    """What is added to the logs from this call on, rotated ones included.

    Parameters:
        programs: whose; None for all, those that begin to write later included.
        until: asked now and then; once it says so, what is left is given and it ends.
    """
    tails = {program: Tail(home.log(program), at_end=True) for program in programs or written_by(home)}

    def added() -> Iterator[LogLine]:
        while True:
            is_last_round = until()
            for program in programs or written_by(home):
                if program not in tails:
                    tails[program] = Tail(home.log(program), at_end=False)
                yield from (LogLine.parse(program, text, datetime.now(UTC)) for text in tails[program].added())
            if is_last_round:
                return
            time.sleep(PAUSE)

    return added()


class Tail:
    """The end of a file that grows, and is replaced by a new one when it is full."""

    def __init__(self, path: Path, *, at_end: bool) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._begun = b""
        self._open()
        if at_end and self._file:
            self._file.seek(0, 2)

    def added(self) -> Iterator[str]:
        """The whole lines added since the last call."""
        yield from self._lines()
        if self._was_replaced():
            # What came into the old file after the line above and before it was replaced.
            yield from self._lines()
            self._open()
            yield from self._lines()

    def _lines(self) -> Iterator[str]:
        if self._file is None:
            return
        *lines, self._begun = (self._begun + self._file.read()).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace")

    def _was_replaced(self) -> bool:
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False
        if self._file is None:
            return True
        mine = os.fstat(self._file.fileno())
        return (mine.st_dev, mine.st_ino) != (now.st_dev, now.st_ino)

    def _open(self) -> None:
        if self._file:
            self._file.close()
        self._file, self._begun = None, b""
        with suppress(FileNotFoundError):
            self._file = self._path.open("rb")
