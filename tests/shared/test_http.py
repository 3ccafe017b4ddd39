"""What `shared.http` makes of answers, of silence and of broken connections, on real sockets."""

import asyncio
import logging
import socket
import struct
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import BodyPartReader, web

from shared.errors import Ambiguous, Rejected, SendError, Unavailable
from shared.http import MAX_REPLY_BYTES, HttpClient, Reply, refusal

SECRET = "canary-7d1f"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answering(raw: bytes) -> Serve:
    """A server that reads one request and answers `raw`, then closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        writer.close()

    return serve


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def exchange(serve: Serve, *, path: str = "/", **request: Any) -> Reply:
    """One POST to a server that behaves like `serve`."""

    async def main() -> Reply:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        client = HttpClient()
        try:
            port = server.sockets[0].getsockname()[1]
            return await client.request("POST", f"http://127.0.0.1:{port}{path}", **request)
        finally:
            await client.close()
            server.close()

    return asyncio.run(main())


def test_a_get_whose_connection_is_lost_is_not_made_again() -> None:
    made = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal made
        await reader.readuntil(b"\r\n\r\n")
        made += 1
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        client = HttpClient()
        try:
            with pytest.raises(Ambiguous, match="was lost during the call: ServerDisconnectedError"):
                await client.request("GET", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        finally:
            await client.close()
            server.close()

    asyncio.run(main())
    assert made == 1


def failure(call: Callable[[], object]) -> SendError:
    with pytest.raises(SendError) as caught:
        call()
    return caught.value


def post(url: str, *, connect_timeout: float = 4.0) -> Reply:
    async def main() -> Reply:
        client = HttpClient(connect_timeout=connect_timeout)
        try:
            return await client.request("POST", url)
        finally:
            await client.close()

    return asyncio.run(main())


def test_an_answer_arrives_with_its_status_headers_and_body() -> None:
    reply = exchange(answering(b'HTTP/1.1 201 Created\r\nX-Id: 7\r\nContent-Length: 9\r\n\r\n{"a": 1}\n'))
    assert (reply.status, reply.ok, reply.headers["x-id"], reply.json()) == (201, True, "7", {"a": 1})


@pytest.mark.parametrize("body", [b"[1]", b"<html>", b"", b'{"a": ', b"\xff\xfe"])
def test_a_body_that_is_no_json_object_reads_as_an_empty_one(body: bytes) -> None:
    assert Reply(200, {}, body).json() == {}


def test_a_form_is_encoded_with_repeated_fields() -> None:
    received = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.readuntil(b"&end=1"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    exchange(serve, form={"To": "+44 1&2", "Tag": ["ä", "b"], "end": 1})
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    assert b"application/x-www-form-urlencoded" in head
    assert body == b"To=%2B44+1%262&Tag=%C3%A4&Tag=b&end=1"


def test_a_body_that_was_signed_is_sent_as_it_is() -> None:
    received = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        received = await reader.readuntil(b"end")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    exchange(serve, content=b"{ }\r\n\xff end", headers={"Content-Type": "application/json"})
    head, _, body = received.partition(b"\r\n\r\n")
    assert body == b"{ }\r\n\xff end"
    assert b"Content-Type: application/json" in head


def test_parts_are_sent_as_fields_and_files() -> None:
    content = bytes(range(256)) * 8000
    parts = [("v:id", "ä,;"), ("tag", "a"), ("tag", "b"), ("mail", content)]
    received: list[dict[str, Any]] = []

    async def upload(request: web.Request) -> web.Response:
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            received.append({"name": part.name, "filename": part.filename, "value": bytes(await part.read())})
        return web.json_response({})

    async def main() -> Reply:
        application = web.Application(client_max_size=4 * 1024 * 1024)
        application.router.add_post("/", upload)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        client = HttpClient()
        try:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            return await client.request("POST", url, parts=parts)
        finally:
            await client.close()
            await runner.cleanup()

    assert asyncio.run(main()).ok
    assert received == [
        {"name": "v:id", "filename": None, "value": "ä,;".encode()},
        {"name": "tag", "filename": None, "value": b"a"},
        {"name": "tag", "filename": None, "value": b"b"},
        {"name": "mail", "filename": "mail", "value": content},
    ]


def test_a_refused_connection_means_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = failure(lambda: post(f"http://127.0.0.1:{port}/"))
    assert isinstance(error, Unavailable)
    assert "Connect" in error.reason and f"127.0.0.1:{port}" in error.reason


def test_a_name_that_does_not_resolve_means_nothing_was_sent() -> None:
    error = failure(lambda: post("http://nowhere.invalid/"))
    assert isinstance(error, Unavailable) and "nowhere.invalid" in error.reason


def test_a_server_without_tls_means_nothing_was_sent() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        client = HttpClient()
        try:
            await client.request("POST", f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        finally:
            await client.close()
            server.close()

    assert isinstance(failure(lambda: asyncio.run(main())), Unavailable)


def test_a_tls_handshake_that_never_ends_means_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        error = failure(lambda: post(url, connect_timeout=0.2))
    assert isinstance(error, Unavailable) and "within 0.2 s" in error.reason


@pytest.mark.parametrize("serve", [answering(b""), answering(b"HTTP/1.1 2"), answering(b"nonsense\r\n\r\n"), _reset])
def test_a_connection_lost_before_the_status_is_ambiguous(serve: Serve) -> None:
    assert isinstance(failure(lambda: exchange(serve)), Ambiguous)


def test_a_body_that_breaks_off_leaves_the_status() -> None:
    reply = exchange(answering(b'HTTP/1.1 400 Bad Request\r\nContent-Length: 50\r\n\r\n{"code": 21'))
    assert reply.status == 400 and reply.json() == {}


def test_no_more_than_the_limit_is_read_of_a_reply() -> None:
    huge = b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n" + b"x" * 10_485_760
    assert len(exchange(answering(huge)).body) == MAX_REPLY_BYTES


def test_a_compressed_body_is_not_unpacked() -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"
    assert exchange(answering(raw)).body == b"\x1f\x8b\x08\x00"


def test_a_redirect_is_not_followed() -> None:
    calls: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    reply = exchange(serve)
    assert reply.status == 307 and len(calls) == 1
    assert isinstance(refusal(reply, "moved"), Rejected)


def test_connections_are_kept_and_used_again() -> None:
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        client = HttpClient()
        for _ in range(3):
            await client.request("POST", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        await client.close()
        server.close()

    asyncio.run(main())
    assert len(connections) == 1


@pytest.mark.parametrize("serve", [answering(b""), _reset])
def test_errors_hold_no_credentials(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    headers = {"Authorization": f"Bearer {SECRET}"}
    error = failure(lambda: exchange(serve, path=f"/?key={SECRET}", headers=headers))
    written = "".join(traceback.format_exception(error)) + repr(error) + caplog.text
    assert SECRET not in written


@pytest.mark.parametrize(
    ("status", "kind", "repeatable"),
    [
        (301, Rejected, False), (400, Rejected, False), (404, Rejected, False), (405, Rejected, False),
        (410, Rejected, False), (413, Rejected, False), (415, Rejected, False), (422, Rejected, False),
        (401, Unavailable, False), (402, Unavailable, False), (403, Unavailable, False),
        (408, Unavailable, False), (425, Unavailable, False), (429, Unavailable, False),
        (500, Ambiguous, False), (502, Ambiguous, False), (503, Ambiguous, False), (504, Ambiguous, False),
        (500, Unavailable, True), (503, Unavailable, True), (200, Ambiguous, False),
    ],
)  # fmt: skip
def test_the_status_table(status: int, kind: type[SendError], repeatable: bool) -> None:
    error = refusal(Reply(status, {}, b""), "no", repeatable=repeatable)
    assert type(error) is kind and error.code == str(status)
    assert getattr(error, "provider_fault", False) is (status in (401, 402, 403))
    assert not getattr(error, "target_is_dead", False)


SERVER_DATE = "Tue, 01 Jan 2030 00:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 60),
        ({"Retry-After": "30"}, 30),
        ({"Retry-After": " 0 "}, 0),
        ({"Retry-After": "-5"}, 60),
        ({"Retry-After": "soon"}, 60),
        ({"Retry-After": "٣"}, 60),
        ({"Retry-After": "9" * 400}, 86_400),
        ({"Retry-After": "Tue, 01 Jan 2030 00:02:00 GMT", "Date": SERVER_DATE}, 120),
        ({"Retry-After": "Mon, 31 Dec 2029 23:00:00 GMT", "Date": SERVER_DATE}, 0),
        ({"Retry-After": "Tuesday, 01-Jan-30 00:02:00 GMT", "Date": SERVER_DATE}, 120),
    ],
)
def test_too_many_requests_waits_as_asked(headers: Mapping[str, str], seconds: float) -> None:
    error = refusal(Reply(429, headers, b""), "slow down")
    assert isinstance(error, Unavailable) and error.retry_after == seconds


@pytest.mark.parametrize(("status", "repeatable"), [(408, False), (425, False), (503, True)])
def test_what_was_not_processed_waits_as_asked_too(status: int, repeatable: bool) -> None:
    asked = refusal(Reply(status, {"Retry-After": "30"}, b""), "later", repeatable=repeatable)
    assert isinstance(asked, Unavailable) and asked.retry_after == 30
    unasked = refusal(Reply(status, {}, b""), "later", repeatable=repeatable)
    assert isinstance(unasked, Unavailable) and unasked.retry_after is None


def test_a_date_without_the_servers_own_is_measured_by_our_clock() -> None:
    wait = Reply(503, {"Retry-After": formatdate(time.time() + 100, usegmt=True)}, b"").retry_after
    assert wait is not None and 90 < wait <= 100


@pytest.mark.parametrize(("ahead", "seconds"), [(30, 30), (-30, 0), (1e9, 86_400)])
def test_a_moment_of_the_servers_is_measured_by_its_clock(ahead: float, seconds: float) -> None:
    its_now = datetime(2030, 1, 1, tzinfo=UTC).timestamp()
    assert Reply(429, {"Date": SERVER_DATE}, b"").seconds_until(its_now + ahead) == seconds
