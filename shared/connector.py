"""Connections to addresses that were checked, and to no others.

What a name resolves to is checked when a connection is made, all of it, and again on the very address of each socket:
that covers hosts written as addresses, which are not resolved. The URL keeps its name, and so do TLS and `Host`.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ssl import SSLContext

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType

from shared.ssrf import Reach

RESOLVING = 16
"""Names that may be looked up at once."""


def connector(
    reach: Reach,
    *,
    limit: int,
    resolver: Callable[[], AbstractResolver] | None = None,
    tls: SSLContext | bool = True,
) -> aiohttp.TCPConnector:
    """A connector that reaches no further than `reach`; made on the loop it is used on.

    Parameters:
        limit: connections that may be open at once.
        resolver: makes what names are resolved by; the system's, unless told otherwise.
        tls: how servers are verified; by default as the system does.
    """
    return aiohttp.TCPConnector(
        limit=limit,
        resolver=_Checked(reach, resolver() if resolver else _System()),
        use_dns_cache=False,
        socket_factory=partial(_socket, reach),
        ssl=tls,
    )


class _System(AbstractResolver):
    """The system's resolver, in threads of its own and one for each name.

    It cannot be interrupted: a name whose servers do not answer would take the threads that others need, were they the
    event loop's.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVING, thread_name_prefix="resolve")
        self._asked: dict[tuple[str, int, int], asyncio.Future[list[ResolveResult]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        key = host, port, family
        if (asked := self._asked.get(key)) is None:
            look = partial(_look_up, host, port, family)
            asked = self._asked[key] = asyncio.get_running_loop().run_in_executor(self._threads, look)
            asked.add_done_callback(lambda done: (self._asked.pop(key, None), done.cancelled() or done.exception()))
        return await asyncio.shield(asked)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    as_it_is = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [
        ResolveResult(
            hostname=host, host=str(address[0]), port=int(address[1]), family=kind, proto=proto, flags=as_it_is
        )
        for kind, _, proto, _, address in found
    ]


class _Checked(AbstractResolver):
    """Resolves a name if every one of its addresses may be connected to: one that may not is no accident."""

    def __init__(self, reach: Reach, resolver: AbstractResolver) -> None:
        self._reach = reach
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for one in found:
            _check(self._reach, one["host"])
        return found

    async def close(self) -> None:
        await self._resolver.close()


def _socket(reach: Reach, target: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, address = target
    _check(reach, str(address[0]))
    return socket.socket(family, kind, protocol)


def _check(reach: Reach, address: str) -> None:
    if refused := reach.refusal(address):
        raise OSError(errno.EACCES, refused)
