"""Whatever a vendor's server does with a call, it ends in time and in doubt."""

import asyncio
import socket
import struct
import time

import pytest
from sqlalchemy import text

from shared.delivery.calls import BEGUN_TOGETHER
from shared.delivery.timing import Timing
from shared.http import HttpClient, refusal
from shared.providers.port import Sent

TIMING = Timing(call=0.5, batch=2, time_limit=6, lease=8)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"


async def hang(reader, writer, end):
    await end.wait()


async def drip(reader, writer, end):
    for byte in HEAD * 100:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)


async def half_close(reader, writer, end):
    writer.write_eof()
    await end.wait()


async def reset(reader, writer, end):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def stop_in_the_body(reader, writer, end):
    writer.write(HEAD + b"x")
    await end.wait()


class Vendor:
    """An adapter of an HTTP API that behaves badly."""

    name = "vendor"
    concurrency = 10

    def __init__(self, serve):
        self._serve = serve

    async def send(self, message):
        client = HttpClient()
        end = asyncio.Event()

        async def serve(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            await self._serve(reader, writer, end)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            reply = await client.request("POST", url)
            if not reply.ok:
                raise refusal(reply, "no")
            return Sent()
        finally:
            end.set()
            server.close()
            await client.close()


@pytest.mark.parametrize("serve", [hang, drip, half_close, reset, stop_in_the_body], ids=lambda serve: serve.__name__)
def test_a_call_ends_in_time_and_in_doubt(make_loop, accept, database, serve):
    accept("x", on_unknown="hold")
    loop = make_loop(Vendor(serve))
    begun = time.monotonic()
    assert loop.answer("sms.normal", TIMING) == 1
    assert time.monotonic() - begun < TIMING.lease
    assert loop.settler.drain(20)
    (row,) = database.rows(
        text("SELECT d.state, d.held_at, a.outcome FROM deliveries d JOIN attempts a ON a.delivery_id = d.id")
    )
    assert (row.state, row.held_at is None, row.outcome) == ("unknown", False, "unknown")


class Noting:
    """An adapter that notes who is called, and when the event loop had a turn for something else since the first."""

    name = "noting"
    concurrency = 400

    def __init__(self):
        self.seen = []

    async def send(self, message):
        if not self.seen:
            asyncio.get_running_loop().call_soon(self.seen.append, "something else")
        self.seen.append(message.to)
        return Sent()

    async def close(self):
        pass


def test_a_batch_that_begins_lets_others_have_their_turn(make_loop, accept):
    accept(*["x"] * 60)
    vendor = Noting()
    loop = make_loop(vendor)
    assert loop.answer("sms.normal", TIMING) == 60
    assert loop.settler.drain(20)
    assert len(vendor.seen) == 61
    assert 0 < vendor.seen.index("something else") <= BEGUN_TOGETHER


class Stopping(Noting):
    """Has the batch stopped by its first call, as a worker that ends does."""

    async def send(self, message):
        if not self.seen:
            for task in asyncio.all_tasks():
                if task.get_coro().__qualname__ == "Calls.make":
                    task.cancel()
        return await super().send(message)


def test_those_whose_call_had_not_begun_when_the_worker_stopped_were_not_called(make_loop, accept, database):
    accept(*["x"] * 60, on_unknown="hold")
    vendor = Stopping()
    loop = make_loop(vendor)
    assert loop.answer("sms.normal", TIMING) == 60
    assert loop.settler.drain(20)
    rows = database.rows(text("SELECT state, attempts, held_at FROM deliveries"))
    called = len(vendor.seen) - ("something else" in vendor.seen)
    assert 0 < called < 60
    waiting = [row for row in rows if row.state == "queued"]
    assert len(waiting) == 60 - called
    assert all(row.attempts == 0 and row.held_at is None for row in waiting)
