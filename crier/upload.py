"""A file or rows on their way to the gateway: readable again from the beginning, and watched."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Literal, TypeAlias, cast
from uuid import uuid4

from crier.encoding import as_query, encode
from crier.request import Row

Form: TypeAlias = Literal["csv", "ndjson"]
Progress: TypeAlias = Callable[[int, int], None]
Source: TypeAlias = str | PathLike[str] | BinaryIO | Iterable[Row]

MEDIA_TYPES = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
SUFFIXES: Mapping[str, Form] = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}
LONGEST_QUERY = 2000
"""Characters of what all rows share that fit into an address; servers take lines of about 4,000."""

_IN_MEMORY = 1024 * 1024
_PIECE = 64 * 1024


class Upload:
    """The body of a request, which can be read again: as requests wants it.

    Parameters:
        file: read from where it stands to its end.
        progress: told how many bytes have been sent, and how many there are.
        before, after: what precedes and follows the file.
        len: bytes in all.
    """

    def __init__(
        self, file: BinaryIO, media_type: str, progress: Progress | None, before: bytes = b"", after: bytes = b""
    ) -> None:
        self.media_type = media_type
        self._file, self._start = file, file.tell()
        self._before, self._after = io.BytesIO(before), io.BytesIO(after)
        self._progress = progress
        self._sent = 0
        self.len = len(before) + file.seek(0, io.SEEK_END) - self._start + len(after)
        self.seek(0)

    def read(self, size: int = -1) -> bytes:
        """The next bytes, none at the end."""
        piece = self._before.read(size) or self._file.read(size) or self._after.read(size)
        self._sent += len(piece)
        if piece and self._progress:
            self._progress(self._sent, self.len)
        return piece

    def tell(self) -> int:
        """How many bytes have been read."""
        return self._sent

    def seek(self, position: int) -> int:
        """Back to the beginning: where a request is repeated from."""
        if position:
            raise io.UnsupportedOperation("An upload is repeated from its beginning.")
        self._before.seek(0)
        self._file.seek(self._start)
        self._after.seek(0)
        self._sent = 0
        return 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(_PIECE), b"")


@contextmanager
def uploading(
    source: Source, form: Form | None, shared: Mapping[str, Any], progress: Progress | None
) -> Iterator[tuple[Upload, Mapping[str, str]]]:
    """What is uploaded, and its query: `shared` is there, or in a form before the file where it is long.

    Raises:
        ValueError: it is not known how the file is written, or it is open as text.
        TypeError: a row has something that JSON cannot say; nothing has been sent.
    """
    fields = as_query(shared)
    with _opened(source, form) as (file, written):
        if sum(map(len, fields.values())) <= LONGEST_QUERY:
            yield Upload(file, MEDIA_TYPES[written], progress), fields
            return
        boundary = uuid4().hex
        before, after = _around(boundary, fields, written)
        yield Upload(file, f"multipart/form-data; boundary={boundary}", progress, before, after), {}


@contextmanager
def _opened(source: Source, form: Form | None) -> Iterator[tuple[BinaryIO, Form]]:
    if isinstance(source, str | PathLike):
        written = _form(form, str(source))
        with Path(source).open("rb") as opened:
            yield opened, written
    elif isinstance(source, io.TextIOBase):
        raise ValueError("The file is open as text: open it as bytes, open(path, 'rb').")  # noqa: TRY004
    elif hasattr(source, "read"):
        file = cast(BinaryIO, source)
        written = _form(form, str(getattr(file, "name", "the file")))
        if file.seekable():
            yield file, written
        else:
            with _spooled(iter(lambda: file.read(_PIECE), b"")) as kept:
                yield kept, written
    else:
        with _spooled(_lines(source)) as kept:
            yield kept, "ndjson"


@contextmanager
def _spooled(pieces: Iterable[bytes]) -> Iterator[BinaryIO]:
    """What can be read once only, kept to be read again, on disk when it is large."""
    with SpooledTemporaryFile(_IN_MEMORY) as kept:
        for piece in pieces:  # not writelines, which moves to the disk only in the end
            kept.write(piece)
        kept.seek(0)
        yield cast(BinaryIO, kept)


def _lines(rows: Iterable[Row]) -> Iterator[bytes]:
    for number, row in enumerate(rows, start=1):
        try:
            yield encode(row) + b"\n"
        except TypeError as error:
            raise TypeError(f"Row {number}: {error}.") from None


def _form(form: Form | None, name: str) -> Form:
    found = form or SUFFIXES.get(Path(name).suffix.lower())
    if found is None:
        raise ValueError(f"{name}: the name must end in {', '.join(SUFFIXES)}, or form= say how it is written.")
    return found


def _around(boundary: str, fields: Mapping[str, str], form: Form) -> tuple[bytes, bytes]:
    """What precedes and follows a file in a form (RFC 7578)."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    file = f'Content-Disposition: form-data; name="file"; filename="rows.{form}"\r\nContent-Type: {MEDIA_TYPES[form]}'
    return "".join((*parts, f"--{boundary}\r\n{file}\r\n\r\n")).encode(), f"\r\n--{boundary}--\r\n".encode()
