"""The client's side of `/v1/webhooks`: where webhooks go. `Client().webhooks`."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote

from crier.answers import Endpoint, NewEndpoint, NewSecret, Receipt, Replay
from crier.encoding import as_query, given

Call = Callable[..., Any]


class Webhooks:
    """A project's endpoints. What changes them needs a key with the scope `admin`.

    Every method raises `ApiProblem` when the gateway refuses, and `GatewayUnreachable` when there is none.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    def create(self, url: str, *, events: Sequence[str] = (), description: str | None = None) -> NewEndpoint:
        """Make an endpoint. Its `secret` is shown this once.

        Parameters:
            events: what it is told of by itself, such as `notification.failed`, `notification.*` or `*`.
        """
        asked = given({"url": url, "events": list(events), "description": description})
        return cast(NewEndpoint, self._call("POST", "/v1/webhooks", json=asked))

    def list(self) -> tuple[Endpoint, ...]:
        """The project's endpoints, oldest first."""
        return tuple(self._call("GET", "/v1/webhooks")["items"])

    def get(self, endpoint_id: str) -> Endpoint:
        """An endpoint."""
        return cast(Endpoint, self._call("GET", _path(endpoint_id)))

    def change(self, endpoint_id: str, **fields: Any) -> Endpoint:
        """Change what is given of `url`, `events`, `description` and `enabled`; the rest stays."""
        return cast(Endpoint, self._call("PATCH", _path(endpoint_id), json=fields))

    def delete(self, endpoint_id: str) -> None:
        """Delete an endpoint; what still waits for it fails."""
        self._call("DELETE", _path(endpoint_id))

    def rotate(self, endpoint_id: str, *, overlap: int | None = None) -> NewSecret:
        """Replace the secret; the new one is shown this once.

        Parameters:
            overlap: seconds the old one goes on signing beside it; a day when None.
        """
        return cast(NewSecret, self._call("POST", _path(endpoint_id, "rotate"), json=given({"overlap": overlap})))

    def test(self, endpoint_id: str) -> Receipt:
        """Send a webhook of the type `webhook.test`."""
        return cast(Receipt, {**self._call("POST", _path(endpoint_id, "test")), "replayed": False})

    def replay(self, endpoint_id: str, *, since: datetime | str) -> Replay:
        """Send again what failed of what was accepted since then: oldest first, a thousand at most."""
        return cast(Replay, self._call("POST", _path(endpoint_id, "replay"), query=as_query({"since": since})))


def _path(endpoint_id: str, *rest: str) -> str:
    return "/".join(("/v1/webhooks", quote(endpoint_id, safe=""), *rest))
