"""A client for the gateway's HTTP API.

client = Client()
receipt = client.send(template="welcome", channel="email", to={"email": "ada@example.com"}, data={"name": "Ada"})
client.get(receipt["id"])["state"]
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import quote
from uuid import UUID, uuid4

from crier.access import Access
from crier.answers import (
    Batch,
    BulkReceipt,
    Device,
    Json,
    Notification,
    Preview,
    Receipt,
    RowError,
    Summary,
    Template,
    TemplateSummary,
)
from crier.transport import Transport

MEDIA_TYPES = {".csv": "text/csv", ".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson"}


class Client:
    """Talks to one gateway. Use one per thread.

    Parameters:
        url: its address; CRIER_URL, or the one `crier up` noted, when None.
        api_key: CRIER_API_KEY, or the one `crier up` noted, when None.
        timeout: seconds to wait for a connection, and for each part of an answer.
        retries: repetitions after a failed connection or a 503; under one Idempotency-Key, so nothing is sent twice.

    Raises:
        NoAccess: no gateway or key is known.

    Every method raises `ApiProblem` when the gateway refuses, and `GatewayUnreachable` when there is none.
    """

    def __init__(
        self, url: str | None = None, api_key: str | None = None, *, timeout: float = 30.0, retries: int = 3
    ) -> None:
        self.access = Access.find(url, api_key)
        self._http = Transport(self.access, timeout=timeout, retries=retries)

    def send(self, *, to: Json, channel: str, idempotency_key: str | None = None, **fields: Any) -> Receipt:
        """Send one notification; returns once it is durable.

        Parameters:
            to: `email`, `phone`, `user_id` or `tokens`; `name`, `locale`, `timezone`.
            idempotency_key: repeated under the same one, a request is answered as the first was.
            fields: `template` and `data`, or `content`; `lane`, `send_at`, `expires_at` (datetimes with an offset, or
                text), `on_unknown`, `metadata`.
        """
        body = {"to": to, "channel": channel, **_given(fields)}
        key = idempotency_key or str(uuid4())
        return cast(Receipt, self._http.call("POST", "/v1/notifications", json=body, idempotency_key=key))

    def bulk_file(
        self, file: Path | BinaryIO, *, channel: str, idempotency_key: str | None = None, **fields: Any
    ) -> BulkReceipt:
        """Upload a CSV or NDJSON file, a row for each recipient. What broke off is completed under the same key.

        Parameters:
            file: a path or an open file whose name ends in .csv, .ndjson or .jsonl.
            fields: as for `send`; what every row shares.
        """
        if isinstance(file, Path):
            with file.open("rb") as opened:
                return self.bulk_file(opened, channel=channel, idempotency_key=idempotency_key, **fields)
        media_type = MEDIA_TYPES.get(Path(file.name).suffix.lower())
        if media_type is None:
            raise ValueError(f"{file.name}: the name must end in {', '.join(MEDIA_TYPES)}.")
        query = {name: _text(value) for name, value in _given({"channel": channel, **fields}).items()}
        key = idempotency_key or str(uuid4())
        answer = self._http.call(
            "POST", "/v1/notifications/bulk", query=query, file=file, media_type=media_type, idempotency_key=key
        )
        return cast(BulkReceipt, answer)

    def get(self, notification_id: str) -> Notification:
        """A notification with its deliveries and its timeline."""
        return cast(Notification, self._http.call("GET", _path("notifications", notification_id)))

    def list(self, **filters: Any) -> Iterator[Summary]:
        """Notifications, newest first, fetched page by page.

        Parameters:
            filters: `state`, `channel`, `template`, `batch_id`, `recipient`, `accepted_after`, `accepted_before`.
        """
        return cast(Iterator[Summary], self._pages("/v1/notifications", _given(filters)))

    def cancel(self, notification_id: str) -> int:
        """Stop what has not been started; how many deliveries."""
        return int(self._http.call("POST", _path("notifications", notification_id, "cancel"))["cancelled"])

    def retry(self, notification_id: str) -> None:
        """Send again what failed, bounced, or is held as unknown."""
        self._http.call("POST", _path("notifications", notification_id, "retry"))

    def batch(self, batch_id: str) -> Batch:
        """How far a batch is."""
        return cast(Batch, self._http.call("GET", _path("batches", batch_id)))

    def batch_errors(self, batch_id: str) -> Iterator[RowError]:
        """Every refused row of a batch, in order."""
        return cast(Iterator[RowError], self._pages(_path("batches", batch_id, "errors"), {}))

    def register_device(self, user_id: str, token: str, platform: str) -> tuple[Device, ...]:
        """Register a device (`android`, `ios` or `web`); the user's devices."""
        device = {"token": token, "platform": platform}
        return tuple(self._http.call("PUT", _path("recipients", user_id, "devices"), json=device)["items"])

    def devices(self, user_id: str) -> tuple[Device, ...]:
        """A user's devices, oldest first. One the vendor says is dead is no more among them."""
        return tuple(self._http.call("GET", _path("recipients", user_id, "devices"))["items"])

    def templates(self) -> tuple[TemplateSummary, ...]:
        """The latest version of every template."""
        return tuple(self._http.call("GET", "/v1/templates")["items"])

    def template(self, name: str) -> Template:
        """A template with its variables, sample and files."""
        return cast(Template, self._http.call("GET", _path("templates", name)))

    def put_template(self, name: str, files: Mapping[str, str]) -> Template:
        """Add a version of a template, unless these are the files of the latest."""
        return cast(Template, self._http.call("PUT", _path("templates", name), json={"files": dict(files)}))

    def preview(self, name: str, *, data: Json | None = None, recipient: Json | None = None) -> Preview:
        """What a template makes of data (its own sample when None), by channel."""
        asked = {"data": data, "recipient": recipient}
        return cast(Preview, self._http.call("POST", _path("templates", name, "preview"), json=asked))

    def _pages(self, path: str, query: Mapping[str, Any]) -> Iterator[Any]:
        cursor: str | None = None
        while True:
            page = self._http.call(
                "GET", path, query={**query, "limit": "100", **({"cursor": cursor} if cursor else {})}
            )
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return


def _path(*parts: str) -> str:
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else value
        for name, value in fields.items()
        if value is not None
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
