"""How the broker is, for people who look at `/readyz`. Nothing depends on it."""

import socket
from collections.abc import Callable
from urllib.parse import urlsplit

_PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671}
_PATIENCE = 0.5


def broker_state(url: str) -> Callable[[], str]:
    """A function that says whether somebody listens where the broker should be: `reachable` or `unreachable`."""
    parts = urlsplit(url)
    address = (parts.hostname or "127.0.0.1", parts.port or _PORTS[parts.scheme])

    def look() -> str:
        try:
            socket.create_connection(address, timeout=_PATIENCE).close()
        except OSError:
            return "unreachable"
        return "reachable"

    return look
