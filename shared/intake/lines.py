"""A file read line by line with a bound on each line, so that no file can fill the memory."""

import hashlib
import io
from collections.abc import Iterator
from typing import Any, Protocol

MAX_LINE = 1024 * 1024


class Source(Protocol):
    """Bytes to be read once, in pieces."""

    def readinto(self, buffer: Any, /) -> int | None:
        """Fill `buffer` as far as it goes; how many bytes, 0 at the end."""
        ...


class LineTooLong(Exception):
    """A line of more than `MAX_LINE` bytes: nothing after it can be told apart."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"Line {number} has more than {MAX_LINE // 1024} KB; nothing after it was read.")


class Digesting(io.RawIOBase):
    """A source, the SHA-256 of what was read from it, and how many bytes that were."""

    def __init__(self, source: Source) -> None:
        self.size = 0
        self._source = source
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read on."""
        count = self._source.readinto(buffer) or 0
        self._digest.update(memoryview(buffer)[:count])
        self.size += count
        return count

    def rest(self) -> str:
        """The digest (hex) of everything, after reading what was left."""
        buffer = bytearray(64 * 1024)
        while self.readinto(buffer):
            pass
        return self._digest.hexdigest()


def text_lines(source: io.RawIOBase) -> Iterator[str]:
    """The lines with their ends, as UTF-8 with or without a byte order mark.

    What is not UTF-8 becomes lone surrogates (PEP 383), by which a row can be found that has it.
    """
    text = io.TextIOWrapper(
        io.BufferedReader(source, 256 * 1024), encoding="utf-8-sig", errors="surrogateescape", newline=""
    )
    number = 0
    while line := text.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise LineTooLong(number)
        yield line


def byte_lines(source: io.RawIOBase) -> Iterator[bytes]:
    """The lines with their ends, as bytes."""
    buffered = io.BufferedReader(source, 256 * 1024)
    number = 0
    while line := buffered.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise LineTooLong(number)
        yield line
