"""What is fetched for a receipt: a small answer, soon, from the place that was asked."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared.errors import Unavailable
from shared.receipts.fetching import MAX_BYTES, fetch


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/redirect":
            self._begin(302, Location="/small")
        elif self.path == "/missing":
            self._begin(404)
        elif self.path == "/drip":
            self._begin(200)
            while not self.server.stopping.wait(0.02):  # type: ignore[attr-defined]
                self.wfile.write(b".")
        else:
            self._begin(200)
            self.wfile.write(b"x" * {"/small": 5, "/full": MAX_BYTES, "/huge": 2 * MAX_BYTES}[self.path])

    def _begin(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            # The client had enough.
            self.close_connection = True


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.stopping = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.stopping.set()  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("path", "size"), [("/small", 5), ("/full", MAX_BYTES)])
def test_what_is_there_is_fetched(url: str, path: str, size: int) -> None:
    assert fetch(url + path) == b"x" * size


@pytest.mark.parametrize(
    ("path", "why"), [("/redirect", "answers 302"), ("/missing", "answers 404"), ("/huge", "bytes")]
)
def test_what_is_elsewhere_or_too_large_is_not(url: str, path: str, why: str) -> None:
    with pytest.raises(Unavailable, match=why):
        fetch(url + path)


def test_a_server_that_drips_is_left(url: str) -> None:
    with pytest.raises(Unavailable, match="takes more than"):
        fetch(url + "/drip", timeout=0.1)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/", "ftp://127.0.0.1/", "http://"])
def test_a_place_that_cannot_be_reached_is_said(address: str) -> None:
    with pytest.raises(Unavailable, match="cannot be fetched"):
        fetch(address)
