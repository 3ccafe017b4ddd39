"""The client's side of `/v1/suppressions`: whom not to write to. `Client().suppressions`."""

from collections.abc import Callable, Iterator
from typing import Any, Literal, cast

from crier.answers import Suppression
from crier.encoding import given

PATH = "/v1/suppressions"
Channel = Literal["email", "sms", "whatsapp", "push", "inapp"]
Reason = Literal["opt-out", "bounce", "invalid", "complaint", "manual"]
Scope = Literal["everything", "promotions"] | str
"""Or `category:` and its name."""


class Suppressions:
    """Whom a project does not write to.

    Every method raises `ApiProblem` when the gateway refuses, and `GatewayUnreachable` when there is none.
    """

    def __init__(self, call: Callable[..., Any], pages: Callable[..., Iterator[Any]]) -> None:
        self._call = call
        self._pages = pages

    def list(
        self, *, channel: Channel | None = None, target: str | None = None, reason: Reason | None = None
    ) -> Iterator[Suppression]:
        """Suppressions, newest first, fetched page by page."""
        asked = given({"channel": channel, "target": target, "reason": reason})
        return cast(Iterator[Suppression], self._pages(PATH, asked))

    def add(self, channel: Channel, target: str, *, scope: Scope = "everything") -> tuple[Suppression, ...]:
        """Write to somebody no more, until it is removed; what is known against writing to them."""
        asked = {"channel": channel, "target": target, "scope": scope}
        return tuple(self._call("POST", PATH, json=asked)["items"])

    def remove(self, channel: Channel, target: str) -> tuple[Suppression, ...]:
        """Write to somebody again; what was known against it, and is forgotten."""
        return tuple(self._call("DELETE", PATH, query={"channel": channel, "target": target})["items"])
