"""Ports on 127.0.0.1."""

import random
import socket
from contextlib import suppress

import psutil

# Below the range from which Linux and macOS take the ports of outgoing connections (32768 and 49152 up):
# otherwise a client could be given the port of a server that is down for a moment, and keep it away.
LOWEST, HIGHEST = 20_000, 32_000


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: what a closed connection leaves in TIME_WAIT is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens now.

    Chosen at random, so that test processes side by side seldom choose the same one.
    """
    for _ in range(1000):
        port = random.randint(LOWEST, HIGHEST)
        if is_free(port):
            return port
    raise OSError(f"no free port between {LOWEST} and {HIGHEST} on 127.0.0.1")


def accepts(port: int) -> bool:
    """Whether something accepts connections on this port of 127.0.0.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def owner_of(port: int) -> str | None:
    """Who listens on this port, as `name (pid 42)`; None when nobody does or this user may not know."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr[1] == port
                and connection.pid
            ):
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return None
