"""The client's side of `/v1/caps`: how often to write to one person, at most. `Client().caps`."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, cast
from urllib.parse import quote

from crier.answers import Cap
from crier.encoding import given

PATH = "/v1/caps"
CappedKind = Literal["promotion", "transactional"]
Over = Literal["drop", "wait"]


class Caps:
    """A project's caps.

    Every method raises `ApiProblem` when the gateway refuses, and `GatewayUnreachable` when there is none.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def list(self) -> tuple[Cap, ...]:
        """The project's caps, by name."""
        return tuple(self._call("GET", PATH)["items"])

    def put(
        self, name: str, *, most: int, per: str, kind: CappedKind | None = None, category: str | None = None,
        channels: Sequence[str] = (), over: Over | None = None,
    ) -> Cap:  # fmt: skip
        """Make a cap, or replace the one of this name. Needs a key with the scope `admin`.

        Parameters:
            most: messages to one person in any `per`, such as `24h` or `7d`.
            kind, category, channels: what it counts and keeps back; whatever it is when None or empty.
            over: `drop` what is more, or have it `wait` for room; when None a cap on promotions drops, others wait.
        """
        asked = {"most": most, "per": per, "kind": kind, "category": category, "channels": list(channels), "over": over}
        return cast(Cap, self._call("PUT", f"{PATH}/{quote(name, safe='')}", json=given(asked)))

    def delete(self, name: str) -> None:
        """Delete a cap. Needs a key with the scope `admin`."""
        self._call("DELETE", f"{PATH}/{quote(name, safe='')}")
