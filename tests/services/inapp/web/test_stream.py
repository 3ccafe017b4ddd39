"""Streams over real sockets: what happens is told at once, and nothing is missed or told twice."""

import asyncio
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import pytest
import requests
from sqlalchemy import text

from shared.ledger.inbox import Mark

MANY = 6000


def titles(events):
    return [data["title"] for name, data in events if name == "notification"]


def hear(stream, count):
    """So many titles."""
    found = []
    while len(found) < count:
        found += titles(stream.until("count"))
    return found


def metric(server, line):
    found = [
        each for each in requests.get(f"{server.url}/metrics", timeout=5).text.splitlines() if each.startswith(line)
    ]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def test_what_happens_is_told_to_everybody_who_follows_and_to_nobody_else(server, put, inboxes, project_id):
    streams = [server.follow() for _ in range(3)]
    elsewhere = server.follow("grace")
    for stream in (*streams, elsewhere):
        assert stream.next() == ("count", {"unread": 0})
    [one] = put("one", body="Hello", link="/one")
    for stream in streams:
        (_, item), (_, count) = stream.until("count")
        assert (item["id"], item["title"], item["body"], item["link"]) == (str(one), "one", "Hello", "/one")
        assert (item["actions"], item["data"], item["read_at"], count) == ([], {}, None, {"unread": 1})
    inboxes.mark(project_id, "ada", one, Mark.READ)
    for stream in streams:
        (name, marks), (_, count) = stream.until("count")
        assert (name, marks["id"], marks["archived_at"], count) == ("changed", str(one), None, {"unread": 0})
        assert marks["read_at"]
    put("to Grace", user="grace")
    assert titles(elsewhere.until("count")) == ["to Grace"]


def test_a_stream_goes_on_after_a_restart_where_it_ended(server, put):
    stream = server.follow()
    stream.next()
    put("one", "two")
    assert titles(stream.until("count")) == ["one", "two"]
    assert server.stop() == 0
    with pytest.raises(StopIteration):
        stream.next()
    put("three")
    server.start()
    put("four")
    again = server.follow(after=stream.last)
    assert hear(again, 2) == ["three", "four"]


def test_nothing_is_missed_or_told_twice_by_a_browser_that_keeps_coming_back(server, put):
    told, last = [], "0"
    with ThreadPoolExecutor(2) as threads:
        writing = threads.submit(lambda: [put(f"{number}a", f"{number}b") for number in range(60)])
        while len(told) < 120:
            stream = server.follow(after=last)
            told += titles([stream.next()])
            last = stream.last
            stream.close()
        writing.result()
    assert told == [f"{number}{letter}" for number in range(60) for letter in "ab"]


def test_a_killed_server_loses_nothing_either(server, put):
    stream = server.follow()
    stream.next()
    put("one")
    stream.until("count")
    server.stop(signal.SIGKILL)
    put("two")
    server.start()
    assert titles(server.follow(after=stream.last).until("count")) == ["two"]


@pytest.mark.parametrize("settings", [{"CRIER_INAPP_HEAL": "0.2"}])
def test_a_wake_up_that_is_lost_is_made_up_for(server, put, database, inboxes, project_id):
    stream = server.follow()
    stream.next()
    box = inboxes.open(project_id, "ada")
    # As `put` does, but without telling anybody.
    database.execute(text("UPDATE inboxes SET changes = changes + 1, unread = 1"))
    database.execute(
        text("""INSERT INTO inbox (id, inbox_id, arrived, change, content)
                VALUES (gen_random_uuid(), :box, 1, 1, '{"title": "unheard"}')"""),
        {"box": box.id},
    )
    assert titles(stream.until("count")) == ["unheard"]
    assert metric(server, 'crier_inbox_wake_ups_total{by="ledger"}') == 1


def test_a_lost_connection_to_the_ledger_is_made_anew_and_nothing_is_missed(server, put, database):
    stream = server.follow()
    stream.next()
    database.rows(
        text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'crier inbox streams'")
    )
    put("meanwhile")
    assert titles(stream.until("count")) == ["meanwhile"]


def test_a_number_that_never_was_is_told_to_begin_anew(server, put):
    put("one")
    stream = server.follow(after="999")
    assert stream.next() == ("reset", {"unread": 1})
    put("two")
    assert titles(stream.until("count")) == ["two"]


@pytest.mark.parametrize("given", ["x", "-1", "1" * 19, "١"])
def test_an_id_that_is_none_is_refused(server, given):
    answer = server("GET", "/v1/inbox/ada/stream", headers={"Last-Event-ID": given.encode()})
    assert (answer.status_code, "last_event_id" in answer.json()["detail"]) == (422, True)


@pytest.mark.parametrize("settings", [{"CRIER_INAPP_HEARTBEAT": "0.05"}])
def test_a_quiet_stream_is_kept_alive_and_says_when_to_come_back(server):
    stream = server.follow()
    lines = [next(stream.lines) for _ in range(12)]
    assert 1000 <= int(lines[0].removeprefix("retry: ")) <= 4000
    assert lines.count(": still here") >= 2


@pytest.mark.parametrize("settings", [{"CRIER_INAPP_STREAMS_EACH": "2", "CRIER_INAPP_STREAMS": "3"}])
def test_one_stream_too_many_is_refused(server):
    open_ones = [server.follow(), server.follow()]
    refused = server("GET", "/v1/inbox/ada/stream")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
    open_ones.append(server.follow("grace"))
    refused = server("GET", "/v1/inbox/joan/stream", user="joan")
    assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
    open_ones[0].close()
    until = time.monotonic() + 10
    while metric(server, "crier_inbox_streams ") > 2:
        assert time.monotonic() < until, "a stream whose browser has gone is still there"
    assert server.follow("joan").next() == ("count", {"unread": 0})


@pytest.mark.parametrize("settings", [{"CRIER_INAPP_PATIENCE": "0.3"}])
def test_a_browser_that_does_not_read_is_dropped_and_others_are_not(server, put):
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", server.port))
        request = f"GET /v1/inbox/ada/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token('ada')}\r\n\r\n"
        deaf.sendall(request.encode())
        assert deaf.recv(12) == b"HTTP/1.1 200"
        healthy = server.follow()
        healthy.next()
        with ThreadPoolExecutor(1) as threads:
            reading = threads.submit(hear, healthy, MANY)
            for start in range(0, MANY, 300):
                put(*(str(number) for number in range(start, start + 300)), body="x" * 2000)
            assert reading.result() == [str(number) for number in range(MANY)]
        until = time.monotonic() + 20
        while metric(server, 'crier_inbox_streams_ended_total{why="slow"}') < 1:
            assert time.monotonic() < until, "it is still waited for"


def test_five_hundred_streams_are_told(server, put, inboxes, project_id):
    users = [f"user-{number % 50}" for number in range(500)]

    async def follow() -> list[str]:
        connector = aiohttp.TCPConnector(limit=0)
        opened = asyncio.Semaphore(0)

        async def one(session: aiohttp.ClientSession, user: str) -> str:
            headers = {"Authorization": f"Bearer {server.token(user)}"}
            async with session.get(f"{server.url}/v1/inbox/{user}/stream", headers=headers) as answer:
                assert answer.status == 200
                heard = ""
                async for chunk in answer.content.iter_any():
                    if "event: count" in (heard := heard + chunk.decode()) and heard.count("event: ") == 1:
                        opened.release()
                    if heard.endswith("\n\n") and "event: notification" in heard and heard.count("event: count") == 2:
                        return heard
            raise AssertionError(heard)

        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(120)) as session:
            tasks = [asyncio.create_task(one(session, user)) for user in users]
            for _ in tasks:
                await opened.acquire()
            assert await asyncio.to_thread(metric, server, "crier_inbox_streams ") == 500
            for user in sorted(set(users)):
                await asyncio.to_thread(put, f"for {user}", user=user)
            return await asyncio.gather(*tasks)

    for user, heard in zip(users, asyncio.run(follow()), strict=True):
        assert f'"title":"for {user}"' in heard
        assert heard.count("event: notification") == 1
