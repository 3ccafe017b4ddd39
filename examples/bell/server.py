"""A page with a bell, and the server of that page: `crier up`, then `python examples/bell/server.py`.

A real one asks for the token of whoever is logged in. Here that is always Ada.
"""

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from crier import Client, CrierError

PORT = 8027
USER = "ada"
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}


def policy(inbox: str) -> str:
    """What the page may load: the bell needs its script and its server, and nothing inline."""
    return (
        f"default-src 'none'; script-src 'self' {inbox}; style-src 'self'; connect-src 'self' {inbox}; "
        "img-src 'self' https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


class Page(BaseHTTPRequestHandler):
    """Answers the page's requests."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        try:
            token = Client().inbox(USER).token()
        except CrierError as error:
            self._answer(HTTPStatus.BAD_GATEWAY, "text/plain; charset=utf-8", str(error).encode())
            return
        if path == "/token":
            self._answer(HTTPStatus.OK, "application/json", json.dumps(token).encode())
        elif path in FILES:
            name, media_type = FILES[path]
            content = (Path(__file__).parent / name).read_bytes()
            self._answer(HTTPStatus.OK, media_type, content, policy(token["url"] or ""))
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"")

    def _answer(self, status: HTTPStatus, media_type: str, content: bytes, csp: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        if csp:
            self.send_header("Content-Security-Policy", csp)
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    print(f"http://localhost:{PORT}")  # noqa: T201
    ThreadingHTTPServer(("127.0.0.1", PORT), Page).serve_forever()
