"""Connections to addresses that were checked, and to no others.

What a name resolves to is checked when a connection is made, all of it, and again on the very address of each socket:
that covers hosts written as addresses, which are not resolved. The URL keeps its name, and so do TLS and `Host`.
"""

import errno
import socket
from collections.abc import Callable
from functools import partial
from ssl import SSLContext

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType

from shared.ssrf import Reach


def connector(
    reach: Reach,
    *,
    limit: int,
    resolver: Callable[[], AbstractResolver] = aiohttp.ThreadedResolver,
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
        resolver=_Checked(reach, resolver()),
        use_dns_cache=False,
        socket_factory=partial(_socket, reach),
        ssl=tls,
    )


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
