"""Where the tests have the stand-ins report to: an HTTP server that keeps what it is sent."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from shared.receipts.port import Incoming


class Headers(dict[str, str]):
    """By their names in lower case; `get` takes any spelling."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class Received(NamedTuple):
    """A callback as it arrived. `url` is the whole of what was called."""

    url: str
    headers: Headers
    body: bytes

    @property
    def incoming(self) -> Incoming:
        """The call as a gateway gets it, just now."""
        return Incoming(self.url, self.headers, self.body, time.time())


class _Server(ThreadingHTTPServer):
    request_queue_size = 128


class Receiver:
    """Keeps what arrives, and answers with the statuses it is given, then with 204."""

    def __init__(self) -> None:
        self.calls: list[Received] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = Headers({name.lower(): value for name, value in self.headers.items()})
                receiver.calls.append(Received(f"http://{headers['host']}{self.path}", headers, body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that serves."""
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join()
