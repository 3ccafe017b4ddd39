"""Where a URL that somebody gave us may lead: to public addresses, and to private ones only where a setting says so.

A server that calls whatever it is told to is a way into the network it stands in (server-side request forgery). So a
URL is taken only in its plain form, lest two parsers read two hosts in it; and an address is judged where the
connection is made, for what a name resolves to may change after it was looked at.
"""

import re
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from threading import Thread
from urllib.parse import urlsplit

from shared.settings import setting

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

MAX_URL = 2000
PATIENCE = 2.0
"""Seconds a name may take to be resolved when an endpoint is registered; longer, and it is judged when it is called."""

_DEFAULT_PORTS = {"https": 443, "http": 80}
_UNPRIVILEGED = 1024
_PLAIN = re.compile(r"[!-\[\]-~]+")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
# What ends in a number is an IPv4 address to whoever resolves it (https://url.spec.whatwg.org/#ends-in-a-number-checker).
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")

_PUBLIC_IPV6 = ip_network("2000::/3")
"""The only unicast space that IANA gives out: https://www.iana.org/assignments/ipv6-address-space."""
_SPECIAL: tuple[Network, ...] = tuple(
    map(
        ip_network,
        (
            "2001::/23",  # Teredo and other protocols (RFC 2928, RFC 4380): an IPv4 address may be inside
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4 (RFC 3056): an IPv4 address is inside
            "3fff::/20",  # documentation (RFC 9637)
            "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        ),
    )
)
"""What `is_global` lets pass, and https://www.iana.org/assignments/iana-ipv6-special-registry says is special."""


def _networks(values: Sequence[str]) -> str | None:
    for value in values:
        try:
            ip_network(value)
        except ValueError:
            return f"must be networks such as 10.1.0.0/16,fd00:1::/64; {value!r} is none."
    return None


@dataclass(frozen=True)
class Reach:
    """Where webhooks, and chat messages to servers of one's own, may go."""

    allow_http: bool = setting(
        "CRIER_WEBHOOK_ALLOW_HTTP", "Take http addresses of endpoints and chat destinations too, not only https.",
        default=False,
    )  # fmt: skip
    allowed: tuple[str, ...] = setting(
        "CRIER_WEBHOOK_ALLOWED_NETWORKS",
        "Networks that webhooks and chat messages may reach though they are not public, as 10.1.0.0/16,127.0.0.0/8.",
        default=(), check=_networks,
    )  # fmt: skip

    @cached_property
    def _allowed(self) -> tuple[Network, ...]:
        return tuple(map(ip_network, self.allowed))

    def refusal(self, address: str) -> str | None:
        """Why no connection is made to an IP address; None when one may be."""
        found = ip_address(address)
        if any(found in network for network in self._allowed):
            return None
        if _is_public(found):
            return None
        return f"{found} is not a public address, and CRIER_WEBHOOK_ALLOWED_NETWORKS does not list it"

    def url(self, given: str) -> str:
        """The one form in which a URL is kept and called.

        Raises:
            ValueError: it is no URL to call; the text says why, and what would be right.
        """
        schemes = ("https", "http") if self.allow_http else ("https",)
        if len(given) > MAX_URL:
            raise ValueError(f"May have {MAX_URL} characters.")
        if not _PLAIN.fullmatch(given):
            raise ValueError(
                "May have only printable ASCII, without spaces and backslashes: write international names as xn--… and "
                "percent-encode the rest."
            )
        try:
            parts = urlsplit(given)
            port = parts.port
        except ValueError:
            raise ValueError("Must be a URL such as https://example.com/webhooks.") from None
        if parts.scheme not in schemes:
            hint = "; CRIER_WEBHOOK_ALLOW_HTTP allows http" if parts.scheme == "http" else ""
            raise ValueError(f"Must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}{hint}.")
        if "@" in parts.netloc:
            raise ValueError("Must not hold a user or a password: webhooks are signed instead.")
        if "#" in given:
            raise ValueError("Must not have a fragment (#…).")
        host = self._host(parts.netloc, parts.hostname or "")
        default = _DEFAULT_PORTS[parts.scheme]
        if port is not None and port != default and port < _UNPRIVILEGED:
            raise ValueError(f"The port must be {default}, or 1024 and above; not {port}.")
        authority = host if port in (None, default) else f"{host}:{port}"
        query = f"?{parts.query}" if parts.query else ""
        return f"{parts.scheme}://{authority}{parts.path or '/'}{query}"

    def look(self, url: str, resolve: Resolve | None = None) -> None:
        """See where the host of a checked URL leads now. A name that does not resolve in time is left for later.

        Raises:
            ValueError: to an address that is not allowed.
        """
        parts = urlsplit(url)
        for address in (resolve or _resolved)(parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]):
            if refused := self.refusal(address):
                raise ValueError(f"{parts.hostname} leads to an address that is not allowed: {refused}.")

    def _host(self, netloc: str, host: str) -> str:
        if "[" in netloc:
            try:
                literal: Address = IPv6Address(host)
            except ValueError:
                raise ValueError("The host is not an IPv6 address.") from None
            if "%" in host:
                raise ValueError("The host must not name a network interface (%…).")
            return f"[{self._public(literal)}]"
        if host.endswith("."):
            raise ValueError("Write the host without the dot at its end.")
        if not _NAME.fullmatch(host):
            raise ValueError("Must name a host, such as example.com.")
        if not _NUMBER.fullmatch(host.rpartition(".")[2]):
            return host
        try:
            literal = IPv4Address(host)
        except ValueError:
            raise ValueError("The host is an IP address in an unusual form: write four decimal numbers.") from None
        return str(self._public(literal))

    def _public(self, address: Address) -> Address:
        if refused := self.refusal(str(address)):
            raise ValueError(f"{refused}.")
        return address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and (address not in _PUBLIC_IPV6 or address.scope_id):
        return False
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address in network for network in _SPECIAL)


def _resolved(host: str, port: int) -> Sequence[str]:
    found: list[str] = []

    def resolve() -> None:
        with suppress(OSError):
            found.extend(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))

    thread = Thread(target=resolve, name="resolve", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return list(found)
