"""Only checked addresses are connected to, whatever a name resolves to and whenever that changes."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import TCPConnector, web
from aiohttp.abc import AbstractResolver, ResolveResult

from crier.sandbox.certificate import make_tls
from shared.connector import connector
from shared.errors import Unavailable
from shared.http import HttpClient, Reply
from shared.ssrf import Reach

LOCAL = Reach(allow_http=True, allowed=("127.0.0.0/8",))


@dataclass
class Dns(AbstractResolver):
    """A resolver that answers what it is told, each time the next; the last one for ever."""

    answers: list[list[str]]
    asked: list[str] = field(default_factory=list)

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        self.asked.append(host)
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host, host=address, port=port, proto=0, flags=0,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            )
            for address in addresses
        ]  # fmt: skip

    async def close(self) -> None:
        pass


@dataclass
class Server:
    port: int
    hosts: list[str] = field(default_factory=list)


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> Any:
    """A server on 127.0.0.1 that writes down which host it was asked for, and closes each connection."""
    server = Server(0)

    async def answer(request: web.Request) -> web.Response:
        server.hosts.append(request.headers["Host"])
        return web.Response(headers={"Connection": "close"})

    application = web.Application()
    application.router.add_route("*", "/", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


def calling(
    action: Callable[[HttpClient, Server], Awaitable[None]], reach: Reach, dns: Dns, *,
    tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None,
) -> Server:  # fmt: skip
    """Do something with a client that resolves names by `dns`, and a server."""

    async def main() -> Server:
        ours, theirs = tls or (True, None)
        made = HttpClient(connector=partial(connector, reach, resolver=lambda: dns, tls=ours))
        async with serving(theirs) as server:
            try:
                await action(made, server)
            finally:
                await made.close()
        found: Server = server
        return found

    return asyncio.run(main())


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A client's context and a server's, whose certificate is for localhost."""
    authority, theirs = make_tls(tmp_path)
    return ssl.create_default_context(cafile=authority), theirs


async def post(client: HttpClient, url: str) -> Reply:
    return await client.request("POST", url)


def test_a_name_that_turns_private_is_refused_at_the_next_connection() -> None:
    dns = Dns([["127.0.0.1"], ["10.0.0.1"]])

    async def twice(client: HttpClient, server: Server) -> None:
        url = f"http://hooks.example.com:{server.port}/"
        assert (await post(client, url)).status == 200
        with pytest.raises(Unavailable, match=r"10\.0\.0\.1 is not a public address"):
            await post(client, url)

    server = calling(twice, LOCAL, dns)
    assert dns.asked == ["hooks.example.com"] * 2, "it is resolved for each connection"
    assert [host.partition(":")[0] for host in server.hosts] == ["hooks.example.com"]


@pytest.mark.parametrize("answer", [["8.8.8.8", "127.0.0.1"], ["2606:4700::1111", "::ffff:127.0.0.1"], ["fd00::1"]])
def test_one_private_address_among_others_is_enough_to_refuse(answer: list[str]) -> None:
    async def once(client: HttpClient, server: Server) -> None:
        with pytest.raises(Unavailable, match="is not a public address"):
            await post(client, f"http://hooks.example.com:{server.port}/")

    assert calling(once, Reach(allow_http=True), Dns([answer])).hosts == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost"])
def test_a_host_that_is_not_resolved_by_us_is_checked_at_its_socket(host: str) -> None:
    async def once(client: HttpClient, server: Server) -> None:
        with pytest.raises(Unavailable, match="is not a public address"):
            await post(client, f"http://{host}:{server.port}/")

    assert calling(once, Reach(allow_http=True), Dns([["127.0.0.1"]])).hosts == []


def test_tls_is_verified_against_the_name_and_not_the_address(tls: Any) -> None:
    async def both(client: HttpClient, server: Server) -> None:
        assert (await post(client, f"https://localhost:{server.port}/")).status == 200
        with pytest.raises(Unavailable, match=r"cannot connect to hooks\.example\.com"):
            await post(client, f"https://hooks.example.com:{server.port}/")

    server = calling(both, LOCAL, Dns([["127.0.0.1"]]), tls=tls)
    assert [host.partition(":")[0] for host in server.hosts] == ["localhost"]


def test_names_are_resolved_anew_and_by_the_system_unless_told_otherwise() -> None:
    async def main() -> TCPConnector:
        made = connector(LOCAL, limit=1)
        await made.close()
        return made

    assert not asyncio.run(main()).use_dns_cache
