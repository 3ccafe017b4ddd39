"""Answers that break on their way: raw bytes on the connection, below aiohttp."""

import asyncio
import socket
import struct
from http import HTTPStatus

import orjson
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from crier.sandbox.behaviour import Fault
from crier.sandbox.vendor import Answer

HUGE = 10 * 1024 * 1024
_GONE_POLL = 0.05


class BrokenResponse(web.StreamResponse):
    """A response that aiohttp lets write itself, and that does it badly.

    Parameters:
        fault: how.
        pause: seconds between bytes, when they drip.
    """

    def __init__(self, answer: Answer, fault: Fault, pause: float) -> None:
        super().__init__(status=answer.status)
        self._answer = answer
        self._fault = fault
        self._pause = pause

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send what is to be sent; never ends normally, so that aiohttp gives the connection up."""
        transport = request.transport
        if isinstance(transport, asyncio.Transport):
            await break_connection(transport, serialise(self._answer, self._fault), self._fault, self._pause)
        raise ConnectionResetError("the stand-in was told to break this connection")


async def break_connection(transport: asyncio.Transport, answer: bytes, fault: Fault, pause: float) -> None:
    """Send `answer` over `transport` as `fault` says. Returns when the connection is of no more use."""
    match fault:
        case Fault.HANG:
            await _gone(transport)
        case Fault.RESET:
            reset(transport)
        case Fault.CLOSE:
            transport.close()
        case Fault.HALF_CLOSE:
            if transport.can_write_eof():
                transport.write_eof()
                await _gone(transport)
            transport.close()
        case Fault.DRIP:
            await drip(transport, answer, pause)
            transport.close()
        case Fault.HALF:
            transport.write(answer[: len(answer) // 2])
            transport.close()
        case Fault.TRUNCATE | Fault.HUGE:
            transport.write(answer)
            transport.close()


async def drip(transport: asyncio.WriteTransport, answer: bytes, pause: float) -> None:
    """Write `answer` a byte at a time, `pause` seconds apart, for as long as anyone listens."""
    for byte in answer:
        if transport.is_closing():
            return
        transport.write(bytes([byte]))
        await asyncio.sleep(pause)


def reset(transport: asyncio.BaseTransport) -> None:
    """End the TCP connection under `transport` with a reset, even if all that was received has been read."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


async def _gone(transport: asyncio.Transport) -> None:
    while not transport.is_closing():
        await asyncio.sleep(_GONE_POLL)


def serialise(answer: Answer, fault: Fault) -> bytes:
    """The whole HTTP response, its body cut or padded if that is the fault."""
    body = answer.body
    if fault is Fault.TRUNCATE:
        body = body[: len(body) // 2]
    elif fault is Fault.HUGE:
        # In front of what matters, so that only who reads all of it finds that.
        body = orjson.dumps({"padding": "x" * HUGE, **_json_object(body)})
    headers = {**answer.headers, "Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _json_object(body: bytes) -> dict[str, object]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
