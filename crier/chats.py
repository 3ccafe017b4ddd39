"""The client's side of `/v1/chats`: where chat messages go. `Client().chats`."""

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import quote

from crier.answers import Chat, Receipt
from crier.encoding import given

Call = Callable[..., Any]


class Chats:
    """A project's chat destinations, by name or id. What changes them needs a key with the scope `admin`.

    Every method raises `ApiProblem` when the gateway refuses, and `GatewayUnreachable` when there is none.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    def create(self, name: str, url: str, *, description: str | None = None) -> Chat:
        """Make a destination.

        Parameters:
            url: Apprise's, such as `slack://TOKEN_A/TOKEN_B/TOKEN_C`, or the webhook's as its vendor shows it. It is
                never shown again.
        """
        asked = given({"name": name, "url": url, "description": description})
        return cast(Chat, self._call("POST", "/v1/chats", json=asked))

    def list(self) -> tuple[Chat, ...]:
        """The project's destinations, by name."""
        return tuple(self._call("GET", "/v1/chats")["items"])

    def get(self, chat: str) -> Chat:
        """A destination."""
        return cast(Chat, self._call("GET", _path(chat)))

    def move(self, chat: str, url: str) -> Chat:
        """Give a destination another URL; what waits for it goes there too."""
        return cast(Chat, self._call("PATCH", _path(chat), json={"url": url}))

    def delete(self, chat: str) -> None:
        """Delete a destination; what still waits for it fails."""
        self._call("DELETE", _path(chat))

    def test(self, chat: str) -> Receipt:
        """Send it a message."""
        return cast(Receipt, {**self._call("POST", _path(chat, "test")), "replayed": False})


def _path(chat: str, *rest: str) -> str:
    return "/".join(("/v1/chats", quote(chat, safe=""), *rest))
