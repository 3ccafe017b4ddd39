"""Request bodies: read with a bound, whatever their headers promise, and parsed."""

import io
import zlib
from collections.abc import Iterator
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from threading import BoundedSemaphore
from typing import Any

import orjson
from flask import Flask, g, request
from werkzeug.exceptions import ClientDisconnected

from services.gateway.problems import KINDS, Problem
from shared.intake.canonical import MAX_DEPTH, is_deeper_than

SMALL = 256 * 1024
"""Bytes of an ordinary request."""

_PIECE = 64 * 1024
# JSON of many alike recipients packs to a twentieth; a bomb to a thousandth.
_MOST_PACKED = 100
_UNSUSPECTED = 1024 * 1024
_DRAINED = 2 * 1024 * 1024
# A large body and what is parsed from it may take 100 MB together: few of them are worked on at once.
_PATIENCE = 5.0
_large_bodies = BoundedSemaphore(2)


def json_body(limit: int) -> Any:
    """The JSON value of the body.

    Raises:
        Problem: not JSON (415 by its type, 400 by its content), nested too deep (400), or over `limit` bytes (413).
    """
    if request.mimetype != "application/json" and not request.mimetype.endswith("+json"):
        raise unsupported(request.mimetype, "application/json")
    body = _read(limit)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Problem("malformed", f"Not JSON at {place}: {error.msg}.") from None
    if is_deeper_than(value, MAX_DEPTH, brackets=body.count(b"{") + body.count(b"[")):
        raise Problem("malformed", f"JSON may be nested at most {MAX_DEPTH} deep here.")
    return value


def raw_body(limit: int) -> bytes:
    """The body as it is, decompressed.

    Raises:
        Problem: it breaks off (400), or has over `limit` bytes (413).
    """
    return _read(limit)


def stream(limit: int) -> "BoundedStream":
    """The body piece by piece, decompressed, at most `limit` bytes of it."""
    return BoundedStream(_pieces(), limit)


def unsupported(given: str, *supported: str) -> Problem:
    """The problem of a media type, and which would do."""
    detail = f"Send {' or '.join(supported)}, and say so in Content-Type; this is {given or 'nothing in particular'}."
    return Problem("unsupported-media-type", detail, headers={"Accept-Post": ", ".join(supported)})


def too_large(limit: int) -> Problem:
    """The problem of a body over `limit` bytes.

    A client that is still sending may not hear the answer, so what is left is read first; unless that is a lot.
    """
    left = _DRAINED if request.content_length is None else request.content_length
    if left <= limit + _DRAINED:
        with suppress(ClientDisconnected):
            while left > 0 and (piece := request.stream.read(min(_PIECE, left))):
                left -= len(piece)
    size = f"{limit // (1024 * 1024)} MB" if limit >= 1024 * 1024 else f"{limit // 1024} KB"
    return Problem("too-large", f"The body may have {size} here.", headers={"Connection": "close"})


def guard(app: Flask) -> None:
    """Refuse what PostgreSQL could not store in an address, and let the next large body in when a request ends."""

    @app.before_request
    def refuse_nul() -> None:
        if "\0" in request.path or b"%00" in request.query_string:
            raise Problem("malformed", "There is a NUL character in the address.")

    @app.teardown_request
    def release(_: BaseException | None) -> None:
        if g.pop("large_body", False):
            _large_bodies.release()


def _read(limit: int) -> bytes:
    if (request.content_length or 0) > limit:
        raise too_large(limit)
    size = 0
    # On disk until it is known to be within the limit: what is too large must not cost memory while that is found out.
    with SpooledTemporaryFile(max_size=SMALL) as kept:
        for piece in _pieces(most_packed=_MOST_PACKED):
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            kept.write(piece)
        if size > SMALL:
            if not _large_bodies.acquire(timeout=_PATIENCE):
                raise Problem("busy", KINDS["busy"][2], headers={"Retry-After": "2"})
            g.large_body = True
        kept.seek(0)
        return kept.read()


def _pieces(*, most_packed: int | None = None) -> Iterator[bytes]:
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "identity":
        return _received()
    if encoding == "gzip":
        return _gunzip(_received(), most_packed)
    detail = f"Content-Encoding may be gzip here, not {encoding[:40]}."
    raise Problem("unsupported-media-type", detail, headers={"Accept-Encoding": "gzip"})


def _received() -> Iterator[bytes]:
    """The body as it arrives. Where the connection breaks before its end, half a file must not pass for a whole one.

    gunicorn says `wsgi.input_terminated` and ends its stream there, so werkzeug does not count either.
    """
    size = 0
    while piece := request.stream.read(_PIECE):
        size += len(piece)
        yield piece
    promised = request.content_length
    if promised is not None and size < promised:
        raise Problem("malformed", f"The body breaks off: {promised} bytes were promised, {size} came.")


def _gunzip(source: Iterator[bytes], most_packed: int | None) -> Iterator[bytes]:
    """What is compressed, a bounded piece at a time: how small a bomb is on the wire does not matter.

    Parameters:
        most_packed: how many times its size on the wire a body may have; for those that are kept in memory.
    """
    inflater = zlib.decompressobj(wbits=31)
    received = unpacked = 0
    try:
        for packed in source:
            received += len(packed)
            while packed:
                if inflater.eof:  # RFC 1952 section 2.2: one member may follow another
                    inflater = zlib.decompressobj(wbits=31)
                if piece := inflater.decompress(packed, _PIECE):
                    unpacked += len(piece)
                    if most_packed and unpacked > max(_UNSUSPECTED, most_packed * received):
                        raise Problem("too-large", f"The body unpacks to more than {most_packed} times its size.")
                    yield piece
                packed = inflater.unconsumed_tail or inflater.unused_data
        if not inflater.eof:
            raise Problem("malformed", "The gzip body breaks off before its end.")
    except zlib.error:
        raise Problem("malformed", "The body is not gzip, though Content-Encoding says so.") from None


class BoundedStream(io.RawIOBase):
    """The pieces of a body as a file to read from.

    Parameters:
        limit: bytes after which reading raises the problem `too-large`.
    """

    def __init__(self, pieces: Iterator[bytes], limit: int) -> None:
        self._pieces = pieces
        self._left = limit
        self._limit = limit
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` as far as the next piece goes; 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left -= len(piece)
            if self._left < 0:
                raise too_large(self._limit)
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
