"""The client's side of `/v1/categories` and `/v1/quiet-hours`: what people choose about, and when they rest."""

from collections.abc import Callable, Sequence
from typing import Any, cast
from urllib.parse import quote

from crier.answers import Category, QuietWindow
from crier.encoding import given
from crier.errors import ApiProblem
from crier.recipients import Channel


class Categories:
    """What a project's messages are about. `Client().categories`.

    Every method raises `ApiProblem` when the gateway refuses, and `GatewayUnreachable` when there is none.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def list(self) -> tuple[Category, ...]:
        """The declared ones, in their order."""
        return tuple(self._call("GET", "/v1/categories")["items"])

    def get(self, name: str) -> Category:
        """One of them."""
        return cast(Category, self._call("GET", _path(name)))

    def put(
        self, name: str, label: str, *, description: str | None = None, required: bool = False,
        promotional: bool = False, position: int = 0,
    ) -> Category:  # fmt: skip
        """Declare one, or say anew what it is. Needs a key with the scope `admin`.

        Parameters:
            label, description: for the people who choose.
            required: they may not choose.
            promotional: news and offers, which go with all promotions.
            position: where it stands among the others, the smallest first.
        """
        said = {"label": label, "description": description, "required": required, "promotional": promotional}
        return cast(Category, self._call("PUT", _path(name), json=given({**said, "position": position})))

    def remove(self, name: str) -> None:
        """Declare it no more. What people chose stays. Needs a key with the scope `admin`."""
        self._call("DELETE", _path(name))


class QuietHours:
    """When a project leaves people in peace. `Client().quiet_hours`.

    Every method raises `ApiProblem` when the gateway refuses, and `GatewayUnreachable` when there is none.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def get(self) -> QuietWindow | None:
        """The project's, if it has any."""
        try:
            return cast(QuietWindow, self._call("GET", "/v1/quiet-hours"))
        except ApiProblem as problem:
            if problem.status == 404:
                return None
            raise

    def set(
        self, quiet_from: str, until: str, *, timezone: str, channels: Sequence[Channel] | None = None
    ) -> QuietWindow:
        """Keep these from now on, e.g. `22:00` to `08:00`. Needs a key with the scope `admin`.

        Parameters:
            timezone: whose clocks, where a recipient's are not known.
            channels: SMS, WhatsApp and push when None.
        """
        asked = {"from": quiet_from, "until": until, "timezone": timezone, "channels": channels}
        return cast(QuietWindow, self._call("PUT", "/v1/quiet-hours", json=given(asked)))

    def remove(self) -> None:
        """Keep none. Needs a key with the scope `admin`."""
        self._call("DELETE", "/v1/quiet-hours")


def _path(name: str) -> str:
    return f"/v1/categories/{quote(name, safe='')}"
