"""gunicorn, run from here: threads, a socket of our own, and an orderly end."""

import gc
import logging
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from prometheus_client import multiprocess

from services.gateway.health import MULTIPROCESS
from services.gateway.settings import GatewaySettings

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  gunicorn's heartbeat files, where no disk can stall them


class PlainLogger(Logger):
    """gunicorn's messages, through the process's own logging."""

    def setup(self, cfg: Any) -> None:
        """Leave format and destination to the root logger."""
        self.error_log.propagate = True
        self.error_log.setLevel(logging.INFO)
        self._access_log_enabled = False


class Server(BaseApplication):
    """The gateway's HTTP server.

    Parameters:
        make: builds the application, in the worker process that will use it.
        at_end: called when a worker process has answered its last request.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        listener: socket.socket,
        make: Callable[[], Flask],
        at_end: Callable[[], object],
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._make = make
        self._at_end = at_end
        super().__init__()

    def load_config(self) -> None:
        """What gunicorn is told."""
        for name, value in {
            "bind": f"fd://{self._listener.fileno()}",
            "worker_class": "gthread",
            "workers": self._settings.workers,
            "threads": self._settings.threads,
            "keepalive": 60,  # longer than the idle time after which clients and proxies close theirs
            "graceful_timeout": int(self._settings.grace),
            "worker_tmp_dir": str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
            "logger_class": PlainLogger,
            "control_socket_disable": True,
            "worker_exit": self._end,
            "child_exit": _forget,
        }.items():
            self.cfg.set(name, value)

    def _end(self, _: Any, __: Any) -> None:
        self._at_end()

    def load(self) -> Flask:
        """The application, after the fork."""
        app = self._make()
        # What is there now stays: going through it at every collection is a third of the time of a large request.
        gc.collect()
        gc.freeze()
        return app


def listen(settings: GatewaySettings) -> socket.socket:
    """The socket the gateway listens on; an address that cannot be had ends the process with one line."""
    address = (settings.host, settings.port)
    try:
        family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server(address, family=family, backlog=2048)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        sys.exit(
            f"CRIER_GATEWAY_PORT: the gateway cannot listen on {settings.host}:{settings.port}: {reason}. "
            "Set CRIER_GATEWAY_PORT to a free port, or end what has this one."
        )
    listener.set_inheritable(True)
    return listener


def _forget(_: Any, worker: Any) -> None:
    """Take a dead worker's gauges out of /metrics."""
    if MULTIPROCESS in os.environ:
        multiprocess.mark_process_dead(worker.pid)
